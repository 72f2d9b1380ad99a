// The pause container: holds a pod's namespaces open and reaps its orphans.
module switchboard.dev/local/tools/pause

go 1.26.0
