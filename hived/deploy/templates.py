"""Templates of new agents: folders `config/_templates/<name>` with an agent.toml. Queens write there: files alone are read,
no link is followed, and all is bounded. Everything here blocks.
"""

import errno
import os
import re
import shutil
import tomllib
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from hived.deploy import agent_toml
from hived.deploy.agent_toml import AGENT_TOML, BadAgentToml
from hived.paths import HivePaths
from hived.wire.agents import SpawnDraft
from hived.wire.deployments import Template
from hived.wire.errors import InvalidTemplate, TemplateNotFound
from hived.workspace.folders import private_folder
from hived.workspace.plain_files import kind_below, open_below, opened_folder, read_below

MOST_FILES = 64
MOST_BYTES = 128 * 1024
"""Of all files of one template: they stand in the approval, whole."""
MOST_DEPTH = 4
MOST_TEMPLATES = 200
MOST_SHOWN = 20
_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}", re.ASCII)
_TABLES = ("env", "engine_options", "limits")
"""What is laid over the template's key by key."""

EXAMPLES: dict[str, dict[str, str]] = {
    "worker": {
        AGENT_TOML: '# A worker for one task, with notes on how it reports.\nengine = "claude"\nmodel = "haiku"\n'
        'role = "worker"\nprompt = "prompt.md"\n',
        "prompt.md": "You do one task at a time. Say what you did, and what you could not do, with `send` to whoever asked\n"
        "you, in a few sentences; keep what you learn in your notes.\n",
    },
    "queen": {
        AGENT_TOML: '# A queen: she asks for workers, gives them tasks and proposes their config.\nengine = "claude"\n'
        'model = "haiku"\nrole = "queen"\nprompt = "prompt.md"\n',
        "prompt.md": "You lead workers. Give each one task at a time with `send`, read what they report, and tell the operator\n"
        "what matters. Ask for a new worker only where the ones that you have cannot do it.\n",
    },
}


@dataclass(frozen=True, slots=True)
class TemplateRead:
    """What a template says, and its files beside agent.toml: text by path."""

    said: dict[str, Any]
    description: str = ""
    files: dict[str, str] = field(default_factory=dict)


def write_examples(paths: HivePaths) -> bool:
    """Make the folder of templates with two examples; one that is there is left as it is. They are made where no queen can put a
    link in their way, and moved. Raises FolderUnusable, OSError."""
    if os.path.lexists(paths.templates):
        return False
    if not paths.proposed.is_dir():
        private_folder(paths.proposed)
    scratch = paths.data / ".templates.new"
    shutil.rmtree(scratch, ignore_errors=True)
    for name, files in EXAMPLES.items():
        folder = private_folder(scratch / name)
        for file, text in files.items():
            (folder / file).write_text(text, encoding="utf-8")
    with suppress(OSError):  # somebody was first
        scratch.rename(paths.templates)
        return True
    return False


def list_templates(paths: HivePaths) -> list[Template]:
    """Every one, by name; `problem` says why one cannot be used."""
    return [_looked_at(paths, name) for name in _names(paths)]


def read_template(paths: HivePaths, name: str) -> TemplateRead:
    """Raises TemplateNotFound, InvalidTemplate."""
    if not _NAME.fullmatch(name) or name not in _names(paths):
        known = [known for known in _names(paths) if _NAME.fullmatch(known)]
        raise TemplateNotFound(template=_plain(name, 64), known=", ".join(known[:MOST_SHOWN]) or "none")
    try:
        files = _read(paths, name)
    except OSError as error:
        raise InvalidTemplate(template=name, reason=f"it cannot be read: {error.strerror}.") from error
    text = files.pop(AGENT_TOML, None)
    if text is None:
        raise InvalidTemplate(template=name, reason=f"it has no {AGENT_TOML}.")
    try:
        said = _said(text)
    except BadAgentToml as error:
        raise InvalidTemplate(template=name, reason=error.reason) from None
    except (ValueError, RecursionError) as error:
        raise InvalidTemplate(template=name, reason=f"{AGENT_TOML} is no TOML: {_plain(str(error))}.") from None
    prompt = said.get("prompt")
    if prompt is not None and os.path.normpath(str(prompt)) not in files:
        raise InvalidTemplate(template=name, reason=f"prompt: it has no file {_plain(str(prompt), 80)!r}.")
    return TemplateRead(said, _described(text), files)


def applied_template(paths: HivePaths, template: str, draft: SpawnDraft) -> dict[str, Any]:
    """The request's own keys over the template's. Another engine than the template's takes neither its model nor its options.

    Raises TemplateNotFound, InvalidTemplate.
    """
    read = read_template(paths, template)
    asked = draft.model_dump(exclude_unset=True)
    below = dict(read.said)
    if draft.engine is not None and draft.engine != below.get("engine", draft.engine):
        below.pop("model", None)
        below.pop("engine_options", None)
    for table in _TABLES:
        if isinstance(below.get(table), dict) and isinstance(asked.get(table), dict):
            asked[table] = {**below[table], **asked[table]}
    return {**below, **asked, "files": read.files}


def _looked_at(paths: HivePaths, name: str) -> Template:
    shown = _plain(name, 64)
    if not _NAME.fullmatch(name):
        return Template(
            name=shown, problem="its name must be a lower-case letter, then up to 31 letters, digits or hyphens."
        )
    try:
        read = read_template(paths, name)
        return Template(name=name, description=read.description, said=read.said)
    except (InvalidTemplate, TemplateNotFound) as error:
        return Template(name=name, problem=str(error.detail.get("reason") or error.message))


def _names(paths: HivePaths) -> list[str]:
    try:
        with opened_folder(paths.proposed, paths.templates.name) as folder, os.scandir(folder) as entries:
            found = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    return sorted(name for name in found if not name.startswith("."))[:MOST_TEMPLATES]


def _read(paths: HivePaths, name: str) -> dict[str, str]:
    """Every file as text. Raises InvalidTemplate, OSError."""
    files: dict[str, str] = {}
    with opened_folder(paths.proposed, paths.templates.name, name) as folder:
        _walk(name, folder, "", files, MOST_DEPTH)
    return files


def _walk(template: str, folder: int, prefix: str, files: dict[str, str], depth: int) -> None:
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if entry.name != ".git")
    for name in names:
        path = f"{prefix}{name}"
        if not path.isprintable() or "\\" in path:
            raise InvalidTemplate(template=template, reason="a file's name has characters that do not print.")
        kind = kind_below(folder, name)
        if kind == "folder":
            if not depth:
                raise InvalidTemplate(template=template, reason=f"its folders are more than {MOST_DEPTH} deep.")
            inner = open_below(folder, name)
            try:
                _walk(template, inner, f"{path}/", files, depth - 1)
            finally:
                os.close(inner)
        elif kind == "file":
            if len(files) >= MOST_FILES:
                raise InvalidTemplate(template=template, reason=f"it has more than {MOST_FILES} files.")
            files[path] = _text(template, folder, path, MOST_BYTES - sum(len(text.encode()) for text in files.values()))
        elif kind is not None:
            raise InvalidTemplate(template=template, reason=f"{path} is no file, and no link is followed.")


def _text(template: str, folder: int, path: str, room: int) -> str:
    try:
        content = read_below(folder, os.path.basename(path), room)
        return (content or b"").decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidTemplate(template=template, reason=f"{path} is no UTF-8 text.") from None
    except OSError as error:
        if error.errno != errno.EFBIG:
            raise
        raise InvalidTemplate(
            template=template, reason=f"its files have more than {MOST_BYTES} bytes together."
        ) from None


def _said(text: str) -> dict[str, Any]:
    """The keys of it, as an agent.toml's but that `engine` may be left to the request. Raises ValueError, BadAgentToml."""
    said = tomllib.loads(text)
    agent_toml.parse((text if "engine" in said else f'engine = "scripted"\n{text}').encode())
    return said


def _described(text: str) -> str:
    """The first line, where it is a comment."""
    first = text.lstrip().partition("\n")[0]
    return _plain(first.lstrip("#"), 120) if first.startswith("#") else ""


def _plain(text: str, limit: int = 200) -> str:
    """Of what a queen wrote: one line of at most `limit` characters that print."""
    shown = "".join(char if char.isprintable() else " " for char in text[: limit * 4])
    return " ".join(shown.split())[:limit]
