"""Programs and options that no glob allows."""

import pytest

from hived.core.command_guards import guarded


@pytest.mark.parametrize(
    "command",
    [
        "sudo ls", "env A=b ls", "xargs rm", "bash x", "/bin/bash x", "./sh x", "zsh", "python x", "python3.11 -c x", "perl5.36 x",
        "node20 x", "nohup ls", "nice ls", "timeout 5 ls", "watch ls", "ssh host ls", "eval ls", "exec ls", "command ls", ". x",
        "source x", "builtin cd", "hash -p ./evil git", "alias a=b", "export PATH=.", "read x", "set -x", "let a=1", "unset x",
        "printf -v PATH x", "printf -vPATH x", "test -v a", "find . -exec rm {} +", "find . -execdir x", "find . -ok rm",
        "find . -delete", "find . -fprintf x y", "awk x", "gawk x", "sed -i x", "vim x", "less x", "man x", "tar cf x", "docker run x",
        "npx x", "uv run x", "npm exec x", "go run x", "cargo run", "poetry run x", "bundle exec x", "gdb x", "strace x", "SUDO ls",
        "git -c core.pager=x log", "git -C /x status", "git --exec-path=/x log", "git --git-dir=/x log", "git --work-tree /x log",
        "git --config-env=a=b log", "git log --output=x", "git log --outp=x", "git log --o=x", "git diff --ext-diff",
        "git diff --ext-d", "git diff --textconv", "git fetch --upload-pack=x", "git push --receive-pack x", "git rebase --exec x",
        "git rebase -x x", "git bisect run x", "git submodule foreach x", "git filter-branch x", "git difftool -x x",
        "git config alias.x y", "git grep -O x", "git grep -lOvim x", "git grep --open-files-in-pager=x y", "git clone x",
        "git fetch ext::sh", "git pull ext::sh x", "git format-patch -o x", "git send-email x", "sort -o x", "sort -uo x",
        "sort --output=x", "sort --o=x", "sort --compress-program=x", "sort --comp=x", "rg --pre x y", "rg --pre=x y", "fd -x rm",
        "fd -Hx rm", "fd --exec rm", "split --filter=x", "split --fil=x", "tree -o x", "make SHELL=x", "make CC=x", "make -f x",
        "make -C x", "make --eval=x", "make --fil=x", "curl -o x", "curl -sSo x", "curl -K x", "wget -O x", "wget --execute=x",
        "gh alias set x", "psql --command=x", "anything --exec=x", "anything --pager x", "x86_64 ls", "linux32 ls", "busybox rm x",
        "python3-dbg x", "hive rule add x", "jobs -x rm", "zpty a rm", "integer x", "printf %d a[$(rm)]", "test a[$(rm)] -eq 1", "test 1 -eq 1", "g++ -o x",
        "sdiff --diff-program=./x a b", "nm --plugin ./x.so y", "ldd ./x", "ssh-agent ./x", "ssh-keygen -D ./x.so", "chronic ./x",
        "proxychains4 ./x", "systemd-inhibit ./x", "aa-exec ./x", "msgexec ./x", "zless x", "vimdiff x", "vim.basic x", "gvim x",
        "pdflatex x", "pandoc --filter ./x y", "cpp -wrapper ./x y", "x86_64-linux-gnu-gcc-12 -wrapper ./x y", "zig run x",
        "ip netns exec x sh", "curl -D x y", "curl -sSD x y", "curl --dump-header=x y", "curl --cookie-jar x y", "curl --tr x y",
        "wget --output-document=x y", "wget -qO x y", "wget -a x y", "git rebase -ix ./x", "git rebase -qx ./x", "git bundle create x",
        "git checkout-index --prefix=/x/ -a", "pytest --basetemp=/x", "go build -o /x", "cargo build --target-dir=/x", "iconv -o x y",
    ],
)  # fmt: skip
def test_what_makes_other_programs_run_is_guarded(command: str) -> None:
    assert guarded(tuple(command.split()))


@pytest.mark.parametrize(
    "command",
    [
        "git status", "git status -s --porcelain", "git log --oneline -5 -p", "git diff HEAD --stat", "git add -A", "git commit -m x",
        "git push -u origin main", "git branch -a", "git checkout -b x", "git stash pop", "git show --format=%H", "ls -la", "cat x",
        "head -n 5 x", "grep -rn x .", "rg -n x src", "find . -name x -type f", "sort -u -k 2", "wc -l", "make test -j4", "npm test",
        "npm run test:unit", "cargo test --all", "go test ./...", "go build -v ./...", "pytest -q tests", "uv sync", "curl -sS x",
        "printf %s x", "test -f x", "test a = b", "g++ -c x", "echo -n x", "mkdir -p x", "rm -rf x", "diff -u a b", "cd x", "tsc --noEmit", "ruff check .",
        "curl -XDELETE x", "curl -H accept:c x", "curl -fsSL x", "wget -q x", "ip addr", "nm x", "go test -run x",
    ],
)  # fmt: skip
def test_everyday_commands_are_not(command: str) -> None:
    assert guarded(tuple(command.split())) is None
