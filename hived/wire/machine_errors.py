"""Errors of the machine that hived runs on: its folders, sockets and files. `errors` has them all."""

from hived.wire.error_families import Unavailable


class PathTooLong(Unavailable):
    code = "path_too_long"
    template = (
        "The socket path {path} has {bytes} bytes and the system takes {limit}: set HIVE_HOME to a shorter folder."
    )


class FolderNotOurs(Unavailable):
    code = "folder_not_ours"
    template = "{path} belongs to user {uid}: set HIVE_HOME to a folder of your own."


class FolderUnusable(Unavailable):
    code = "folder_unusable"
    template = "{path} cannot be used: {reason}. Set HIVE_HOME to a folder of your own."


class SocketInUse(Unavailable):
    code = "socket_in_use"
    template = "Another process answers on {path}, so hived does not take it over."


class DatabaseNewer(Unavailable):
    code = "database_newer"
    template = (
        "{path} has schema {found}, this program knows {known}: it was made by a newer hived, and is left untouched."
    )


class DatabaseUnreadable(Unavailable):
    code = "database_unreadable"
    template = "{path} cannot be looked at: {reason}."
