"""Commands that a glob never allows, because their words make other programs run: only their exact text can be allowed.

No list of such programs is ever whole. It holds what people overlook when they write `git *` or `find *`; a glob for a program
that is not here allows whatever that program does with any words.
"""

import functools
import re

from hived.core.shell_commands import bare_name

SHELLS = frozenset({
    "sh", "bash", "dash", "zsh", "ksh", "mksh", "pdksh", "yash", "ash", "csh", "tcsh", "fish", "rbash", "rc", "es", "elvish",
    "nu", "xonsh", "oil", "osh", "ysh", "busybox", "toybox", "pwsh", "powershell", "cmd",
})  # fmt: skip
BUILTINS = frozenset({
    ".", "source", "eval", "exec", "command", "builtin", "trap", "alias", "unalias", "enable", "hash", "bind", "complete",
    "compgen", "compopt", "mapfile", "readarray", "read", "export", "declare", "typeset", "local", "readonly", "unset", "set",
    "shopt", "let", "fc", "history", "getopts", "umask", "ulimit", "wait", "fg", "bg", "disown", "suspend", "logout", "exit",
    "return", "break", "continue", "shift", "time", "zmodload", "autoload", "functions", "zcompile", "emulate", "setopt",
    "unsetopt", "jobs", "integer", "float", "private", "zpty", "zstyle", "zparseopts", "zformat", "zregexparse", "zftp", "zsystem",
    "zsocket", "ztcp", "unhash", "disable", "limit", "unlimit", "ttyctl", "sysopen", "syswrite", "print", "vared", "sched", "zle", "noglob", "-",
})  # fmt: skip
"""Of bash and zsh: they run what they are given, or change what the words after them mean (`hash -p ./evil git`)."""
WRAPPERS = frozenset({
    "sudo", "sudoedit", "doas", "su", "runuser", "pkexec", "gosu", "su-exec", "run0", "setpriv", "capsh", "env", "xargs",
    "nohup", "nice", "ionice", "chrt", "taskset", "timeout", "stdbuf", "unbuffer", "setsid", "setarch", "linux", "i386",
    "x86_64", "chroot", "unshare", "nsenter", "bwrap", "firejail", "proot", "fakeroot", "fakechroot", "faketime", "flock",
    "lckdo", "watch", "entr", "watchexec", "inotifywait", "strace", "ltrace", "gdb", "lldb", "valgrind", "perf", "rr", "script",
    "expect", "parallel", "sem", "numactl", "prlimit", "softlimit", "chpst", "systemd-run", "systemctl", "at", "batch", "crontab",
    "start-stop-daemon", "daemonize", "dtach", "abduco", "tmux", "screen", "byobu", "tini", "dumb-init", "catchsegv", "runcon",
    "newgrp", "sg", "eatmydata", "choom", "coresched", "uclampset", "run-parts", "ld.so", "ld-linux", "ld-linux-x86-64.so",
    "ssh", "scp", "sftp", "rsync", "mosh", "telnet", "nc", "ncat", "netcat", "socat", "rsh", "rlogin", "dbus-run-session",
    "xvfb-run", "dbus-launch", "startx", "xinit", "open", "xdg-open", "sensible-browser", "ccache", "distcc", "caffeinate",
    "direnv", "nix", "nix-shell", "nix-env", "guix", "docker", "podman", "nerdctl", "kubectl", "oc", "lxc", "lxc-attach",
    "machinectl", "vagrant", "ansible", "hive", "hived", "agentd", "hivetui", "claude", "codex", "gemini", "opencode", "goose",
    "npx", "bunx", "pnpx", "uvx", "pipx", "corepack", "volta", "fnm", "nvm", "asdf", "mise", "rtx", "pyenv", "rbenv", "conda",
    "mamba", "micromamba", "just", "task", "rake", "invoke", "fab", "hyperfine", "bench", "multitime", "gtime", "gtimeout",
    "gnice", "gnohup", "genv", "gxargs", "gstdbuf", "ssh-agent", "ssh-add", "ssh-keygen", "ssh-copy-id", "systemd-inhibit",
    "systemd-cat", "systemd-nspawn", "aa-exec", "schroot", "cgexec", "chronic", "ifne", "pee", "mispipe", "zrun", "vidir", "vipe",
    "rlwrap", "torsocks", "torify", "tsocks", "proxychains", "cpulimit", "trickle", "logsave", "msgexec", "msgfilter", "ldd", "ld",
    "terraform", "tofu", "bazel", "bazelisk", "scons", "ant", "aria2c",
})  # fmt: skip
INTERPRETERS = frozenset({
    "python", "pypy", "ipython", "perl", "ruby", "irb", "node", "nodejs", "deno", "bun", "tsx", "ts-node", "php", "lua", "luajit",
    "tclsh", "wish", "rscript", "r", "julia", "ghc", "ghci", "runghc", "runhaskell", "stack", "cabal", "ocaml", "scala", "groovy",
    "java", "javac", "jshell", "kotlin", "clojure", "clj", "elixir", "iex", "erl", "escript", "guile", "racket", "sbcl", "emacs",
    "emacsclient", "vi", "vim", "nvim", "view", "ex", "ed", "red", "nano", "pico", "less", "more", "most", "man", "info", "pager",
    "bat", "batcat", "awk", "gawk", "mawk", "nawk", "sed", "gsed", "m", "bc", "dc", "sqlite", "psql", "mysql", "mariadb", "ftp",
    "lftp", "mail", "mailx", "mutt", "osascript", "swift", "dotnet", "gforth", "octave", "maxima", "gnuplot", "tar", "gtar",
    "bsdtar", "cpio", "zip", "ar", "make.com", "csi", "fsi", "m4", "gm", "dd", "debugfs", "ldconfig", "crash", "xterm", "nmap",
    "tcpdump", "logrotate", "run-mailcap", "pg", "ul", "vipw", "vigr", "visudo", "apt", "apt-get", "aptitude", "dpkg", "rpm",
    "yum", "dnf", "snap", "flatpak", "brew", "gem", "cpan", "cpanm", "luarocks", "opam",
    "zless", "zmore", "bzless", "bzmore", "xzless", "xzmore", "lzless", "lzmore", "zstdless", "vimdiff", "gvim", "gview", "gvimdiff",
    "rvim", "rview", "evim", "eview", "vimtutor", "hx", "helix", "kak", "micro", "joe", "jed", "ne", "mg", "mc", "mcedit", "lynx",
    "w3m", "links", "elinks", "tex", "latex", "pdftex", "pdflatex", "xetex", "xelatex", "luatex", "lualatex", "latexmk", "context",
    "gs", "pandoc", "groff", "troff", "zig", "dart", "mix", "sbt", "lein", "crystal", "nim", "mill",
})  # fmt: skip
"""What they are given is a program, or they start one that their words or their configuration name."""
RUNNERS = SHELLS | BUILTINS | WRAPPERS | INTERPRETERS

_ANYWHERE = (
    "--exec", "--exec-batch", "--exec-path", "--execdir", "--eval", "--command", "--pager", "--editor", "--shell", "--rsh",
    "--to-command", "--upload-pack", "--receive-pack", "--ext-diff", "--textconv", "--compress-program", "--use-compress-program",
    "--checkpoint-action", "--toolexec", "--pre", "--preprocessor", "--hostname-bin", "--rsync-path", "--use-askpass",
    "--config-env", "--open-files-in-pager", "--init-command", "--script-shell", "--output", "--smtp-server", "--sendmail-cmd",
    "--to-cmd", "--cc-cmd", "--info-script", "--new-volume-script", "--rmt-command",
    "--diff-program", "--plugin", "--modprobe", "--agent-program", "--dirmngr-program", "--pinentry-program",
)  # fmt: skip
"""Long options that start a program or write a file in whatever has them."""
_MAKE = (r".*=.*", r"-[^-]*[fCIEo].*", "--file", "--makefile", "--directory", "--include-dir", "--eval")
_OF: dict[str, tuple[str, ...]] = {
    "git": (
        r"-[cC].*", r"-[A-Za-z]*O.*", r"-o.*", r"-[A-Za-z]*x.*", "--config", "--git-dir", "--work-tree", "--namespace", "--template",
        "--super-prefix", "--attr-source", "--output-directory", "--paginate", "--filters", r".*::.*", "clone", "init", "config",
        "bisect", "submodule", "filter-branch", "difftool.*", "mergetool.*", "hook", "daemon", "instaweb", "web--browse", "help",
        "gui.*", "gitk", "citool", "credential.*", "send-email", "imap-send", "fast-import", "fast-export", "fsmonitor.*",
        "remote-.*", "shell", "upload-.*", "receive-pack", "http-.*", "cvs.*", "p4", "svn", "archimport", "maintenance", "lfs",
        "annex", "var", "interpret-trailers", "replace", "worktree", "quiltimport", "request-pull", "sh-.*", "merge-index",
        "merge-one-file", "archive", "subtree", "flow", "sparse-checkout", "bugreport", "diagnose", "for-each-repo", "filter-repo",
        "bundle", "checkout-index", "mailinfo", "scalar",
    ),
    "find": (r"-exec.*", r"-ok.*", r"-delete", r"-fprint.*", r"-fls"),
    "fd": (r"-[A-Za-z]*[xX].*",),
    "fdfind": (r"-[A-Za-z]*[xX].*",),
    "rg": (r"-[A-Za-z]*z.*", "--search-zip"),
    "sort": (r"-[^-]*[oST].*", "--temporary-directory"),
    "shuf": (r"-[^-]*o.*",),
    "tree": (r"-[^-]*o.*",),
    "split": ("--filter",),
    "printf": (r"-.*", r".*[\[`$].*"),
    "test": (r"-([vRt]|eq|ne|lt|le|gt|ge)", r".*[\[`$].*"),
    "make": _MAKE,
    "gmake": _MAKE,
    "ninja": (r"-[^-]*[fC].*",),
    "cmake": (r"-[EPDCS].*", "--build"),
    "npm": ("exec", "x", "explore", "config", "set", "create", "init", "edit", r"-C.*", "--prefix", "--node-options"),
    "pnpm": ("exec", "dlx", "config", "create", "env", r"-C.*", "--dir", "--node-options"),
    "yarn": ("exec", "dlx", "node", "config", "create", "--cwd", "--use-yarnrc"),
    "uv": ("run", "tool", "--directory", "--project"),
    "poetry": ("run", "shell"),
    "pdm": ("run",),
    "hatch": ("run", "shell"),
    "pipenv": ("run", "shell", "open"),
    "bundle": ("exec",),
    "tox": ("exec", r"-[cx].*", "--override", "--conf"),
    "nox": (r"-f.*", "--noxfile"),
    "cargo": ("run", "r", "install", "script", "--config", r"\+.*", r"-[ZC].*", "--manifest-path", "--target-dir",
        "--artifact-dir"),
    "go": ("run", "generate", "env", "tool", r"-+o(=.*)?", r"-+(exec|toolexec|vettool|overlay|ldflags|modfile).*", r"-C.*"),
    "gcc": (r"-wrapper", r"-[Bo].*", r"-f?plugin.*", r"@.*", r"-specs.*"),
    "clang": (r"-[BXo].*", r"-f?plugin.*", r"@.*"),
    **dict.fromkeys(("cc", "c++", "g++", "clang++", "cpp", "c89", "c99", "gfortran"), (r"-wrapper", r"-[BXo].*", r"-f?plugin.*", r"@.*", r"-specs.*")),
    "gradle": (r"-[IpD].*", "--init-script", "--project-dir"),
    "mvn": (r"-[Dfs].*", r".*exec.*"),
    "pytest": (r"-[pco].*", "--rootdir", "--confcutdir", "--override-ini", "--pdbcls", "--pyargs",
        "--basetemp", "--junitxml", "--junit-xml", "--debug", "--log-file"),
    "curl": (r"-[A-Za-z]*[oOK].*", r"-[#0-9aBfgGiIjJklLMnNpqRsSvVZ]*[DcJ].*", "--config", "--remote-name", "--remote-name-all",
        "--remote-header-name", "--output-dir", "--dump-header", "--cookie-jar", "--trace", "--trace-ascii", "--stderr", "--libcurl",
        "--etag-save", "--hsts", "--alt-svc", "--engine"),
    "wget": (r"-[A-Za-z]*[OoaPe].*", "--execute", "--config", "--directory-prefix", "--output-document", "--output-file",
        "--append-output", "--save-cookies", "--hsts-file", "--warc-file", "--rejected-log"),
    "ip": ("netns", "vrf", r"-b.*"),
    "openssl": (r"-(engine|provider|provider-path|config|out)",),
    "iconv": (r"-o.*",),
    "nm": (r"-plugin",),
    "gh": ("alias", "extension", "extensions", "ext", "config", "codespace", "cs", "api"),
    "jq": (r"-[A-Za-z]*[Lf].*", "--from-file", "--library-path"),
    "file": (r"-[A-Za-z]*[CzZ].*", "--compile", "--uncompress"),
}  # fmt: skip
"""By program: subcommands and short options as regular expressions, long options by their name."""
_LONG = {name: _ANYWHERE + tuple(one for one in of if one.startswith("--")) for name, of in _OF.items()}
_FAMILIES = re.compile(r"(python|pypy|perl|ruby|node|php|lua|tclsh|java|ld-linux|bash|busybox).*|(vim?|nvim|ld)\..*")
_CROSS = re.compile(r"[a-z0-9_-]+-(gcc|g\+\+|cpp|cc|c\+\+|gfortran|clang|clang\+\+|ld|nm)(-[0-9.]+)?")
"""`x86_64-linux-gnu-gcc-12` is gcc."""


@functools.cache
def _other(name: str) -> re.Pattern[str]:
    """All but the long options of that program: compiled when it is first seen, not at each start."""
    return re.compile("|".join(one for one in _OF[name] if not one.startswith("--")) or "(?!)")


def guarded(words: tuple[str, ...]) -> str | None:
    """Why no glob allows that part: what it holds. None where one may."""
    name = bare_name(words[0])
    full = words[0].rpartition("/")[2].casefold()
    if (cross := _CROSS.fullmatch(full)) is not None:
        name = cross[1]
    if name in RUNNERS or full in RUNNERS or _FAMILIES.fullmatch(full):
        return f"{full} runs what it is given"
    known = name if name in _OF else full
    for word in words[1:]:
        if known in _OF and _other(known).fullmatch(word):
            return f"{full} may run programs or write files with {word[:40]}"
        option = word.partition("=")[0]
        if (
            option.startswith("--")
            and option != "--"
            and any(one.startswith(option) for one in _LONG.get(known, _ANYWHERE))
        ):
            return f"{full} may run programs or write files with {word[:40]}"
    return None
