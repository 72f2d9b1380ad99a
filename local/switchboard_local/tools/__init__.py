"""The programs the local system is made of: where they come from and where they are.

Two sources: Go modules, built once at the versions pinned in `local/tools/*/go.mod` into a cache
that all checkouts share (`build`), and Debian packages (`debian`). `locate` finds a program of
either kind. `python -m switchboard_local.tools` is the command.
"""
