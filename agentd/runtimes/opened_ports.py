"""Opening a sandbox's loopback ports in no time: Perl, where it is there, listens in 2 ms, and Python comes up behind it.

Who connects at once waits in the listener's queue for the relay, which is network/bridge.py's own. A Python that had to be up
before the engine starts would cost each start 20 ms, and one that comes up beside it takes them from it where no core is free: so
it comes with the first that connects, or a moment later. Only for what lasts: a program that sends something and ends at once
would take the relay with it before that had come up.
"""

import platform
from collections.abc import Sequence
from pathlib import Path

PERL = Path("/usr/bin/perl")
PYTHON_WORDS = 3
"""The interpreter and its two options, before the bridge's own file."""

ENTER = r"""
my ($environment, $first_to_go, $place, $identity) = splice(@ARGV, 0, 4);
if (open(my $file, '>', '/proc/self/oom_score_adj')) {
    print $file $first_to_go;
    close $file;
}
if ($identity ne '') {
    my ($device, $inode) = lstat $place;
    if (!defined $inode || "$device:$inode" ne $identity) {
        print STDERR "$place was exchanged\n";
        exit 126;
    }
}
open(my $given, '<', $environment) or do { print STDERR "$environment: $!\n"; exit 125 };
{
    local $/ = "\0";
    while (my $pair = <$given>) {
        chomp $pair;
        my ($name, $value) = split /=/, $pair, 2;
        $ENV{$name} = $value;
    }
}
close $given;
"""
"""What a shell would do first, so that none has to be started: what is mounted at `$place` must be what was looked at, and the
environment is taken from a file, `NAME=VALUE` and a NUL each."""

# Numbers in place of names, for no module is loaded: AF_INET, SOCK_STREAM; SOL_SOCKET, SO_REUSEADDR; EACCES; pidfd_open, which
# is the same everywhere; CLONE_PARENT | SIGCHLD: the relay is the child of the sandbox's init at once, where CLONE is known.
_CLONE = {"x86_64": 56, "aarch64": 220}.get(platform.machine(), 0)
LISTEN = r"""
$^F = 1023;
my ($relay, @python) = splice(@ARGV, 0, 4);
my $bridge = shift;
my (@open, @handed);
while (@ARGV && (my $pair = shift) ne '--') {
    my ($where, $path) = split /=/, $pair, 2;
    my ($port, $target) = split /@/, $where, 2;
    my $made;
    socket($made, 2, 1, 0);
    setsockopt($made, 1, 2, pack('i', 1));
    if (!bind($made, pack('Sna4x8', 2, $port, "\x7f\0\0\1")) || !listen($made, 128)) {
        next if defined $target;
        print STDERR "The bridge to $path has no port $port: $!\n";
        exit 125;
    }
    push @open, $made;
    push @handed, fileno($made) . ":$pair";
}
my $me = $$;
my $child = CLONE ? syscall(CLONE, 0x8011, 0, 0, 0, 0) : -1;
my $ours = $child < 0;
$child = fork if $ours;
if (defined $child && !$child) {
    exit 0 if $ours && fork;
    $SIG{$_} = 'IGNORE' for qw(TERM INT HUP);
    open STDIN, '<', '/dev/null';
    open STDOUT, '>', '/dev/null';
    open STDERR, '>', '/dev/null';
    my $ends = syscall(434, $me, 0);
    if ($ends >= 0) {
        my $waiting = '';
        vec($waiting, $_, 1) = 1 for $ends, map { fileno $_ } @open;
        select($waiting, undef, undef, 0.25);
        exit 0 if vec($waiting, $ends, 1);
    }
    exec { $python[0] } @python, '-c', $relay, $bridge, $me, @handed;
    exit 1;
}
waitpid $child, 0 if $ours;
close $_ for @open;
exec { $ARGV[0] } @ARGV;
print STDERR "$ARGV[0]: $!\n";
exit($! == 13 ? 126 : 127);
""".replace("CLONE", str(_CLONE))
RELAY = """
import socket, sys
sys.path.insert(0, sys.argv[1].rpartition("/")[0])
import bridge
listeners = []
for word in sys.argv[3:]:
    number, _, pair = word.partition(":")
    where, _, path = pair.partition("=")
    made = socket.socket(fileno=int(number))
    made.setblocking(False)
    listeners.append((made, path, where.partition("@")[2].encode()))
bridge.stay(listeners, int(sys.argv[2]))
"""


def opened(prefix: Sequence[str], perl: Path = PERL) -> tuple[str, ...]:
    """The same as network.plan's `prefix` (a Python, two options, the bridge, its pairs, `--`), faster; itself without Perl."""
    if len(prefix) <= PYTHON_WORDS + 2 or not perl.exists():
        return tuple(prefix)
    return (str(perl), "-e", LISTEN, RELAY, *prefix)


def entered(words: Sequence[str], environment: str, first_to_go: int, place: str, identity: str) -> tuple[str, ...]:
    """What `opened` made, with ENTER before it; nothing where Perl is not in it. `identity` empty: there is no such place."""
    if LISTEN not in words:
        return ()
    perl, option, _, *rest = words
    return (perl, option, ENTER + LISTEN, environment, str(first_to_go), place, identity, *rest)
