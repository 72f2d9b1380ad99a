"""Being tried out without a phone: the operator's probes, answered beside the calls.

offer -> few enough, worker not late? -> accept (no slot, no quota)
assignment -> join -> greeting, recogniser, voice, models -> participant attributes -> leave
"""
