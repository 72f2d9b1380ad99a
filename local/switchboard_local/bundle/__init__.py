"""The namespace bundle: a private machine within the machine.

    switchboard local up ---- starts ----> keeper (this machine's namespaces)
                                             |  makes veth and cgroups, cleans up at the end
                                             v
                                           init (process 1 of private mount, net, pid namespaces)
                                             |  reaps orphans
                                             v
                                           supervisor: etcd, API server, containerd, kubelets, ...

Everything lives inside the namespaces, so the end of process 1 is the end of every process,
mount and interface: the kernel sees to it, however the end came about. What namespaces do not
hold (cgroup directories) is removed by the keeper, or by init when the keeper was killed.
"""
