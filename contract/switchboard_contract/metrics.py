"""The metric catalogue: every metric that any part emits, described once.

Labels are bounded by the number of resources (tenant, agent, stage, outcome): never a call, a room
or a number.
"""

from dataclasses import dataclass
from enum import StrEnum


class MetricType(StrEnum):
    """Prometheus metric type."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its name carries the unit (Prometheus naming)."""

    name: str
    type: MetricType
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


_LATENCY_SECONDS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0, 5.0)

TURN_LATENCY = Metric(
    "switchboard_turn_latency_seconds",
    MetricType.HISTOGRAM,
    "From the caller's last voiced sample to the agent's first sample, by stage: endpointing, "
    "judge (the turn model), stt, dialog, tts, total.",
    ("tenant", "agent", "stage"),
    _LATENCY_SECONDS,
)
SPECULATIONS = Metric(
    "switchboard_speculations_total",
    MetricType.COUNTER,
    "Replies begun before the caller's turn was over, by result: started, then committed or "
    "wasted (the caller went on, the reply failed, the call ended).",
    ("tenant", "agent", "result"),
)
BARGE_IN_STOP = Metric(
    "switchboard_barge_in_stop_seconds",
    MetricType.HISTOGRAM,
    "From the caller's first voiced sample to the agent's silence, inside the worker.",
    ("tenant", "agent"),
    (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0),
)
WATCHDOG_ALARMS = Metric(
    "switchboard_watchdog_alarms_total",
    MetricType.COUNTER,
    "Promises of turn-taking that did not hold by themselves in a live call, and were restored: "
    "deaf, mute, stuck (in a reply), twice (a second reply to a turn), after_flush (audio of a "
    "reply that was cut). Anything but 0 is a fault worth a report.",
    ("tenant", "agent", "alarm"),
)
TURN_MODEL_FAILURES = Metric(
    "switchboard_turn_model_failures_total",
    MetricType.COUNTER,
    "Times that the model under turn.endpointing.model could not be loaded or run: the words "
    "decided instead.",
    ("tenant", "agent"),
)
VAD_FALLBACK = Metric(
    "switchboard_vad_fallback",
    MetricType.GAUGE,
    "1 where onnxruntime runs the voice activity detector because numpy failed its check at the "
    "worker's start: calls cost more, the log says why. 0 otherwise.",
)
SPEECH_FAILURES = Metric(
    "switchboard_speech_failures_total",
    MetricType.COUNTER,
    "Failures of a recogniser or a synthesiser in a call that went on, by part (stt, tts) and "
    "reason: silent (nothing in time), error, broke_off (in the middle), garbage. A clause is "
    "tried twice; what a caller hears if both fail is an excuse.",
    ("tenant", "agent", "part", "reason"),
)
STREAMS_LEFT_OPEN = Metric(
    "switchboard_streams_left_open_total",
    MetricType.COUNTER,
    "Streams of providers, by part (stt, llm, tts), that were open when their call was over: to "
    "close them had hung or failed. They were closed once more; above 0, look at the provider.",
    ("tenant", "agent", "part"),
)
OVERLAPS = Metric(
    "switchboard_overlaps_total",
    MetricType.COUNTER,
    "Sounds of the caller for which the agent paused, by verdict: interruption (it stopped), "
    "backchannel and noise (it went on where it had paused).",
    ("tenant", "agent", "verdict"),
)
ACTIVE_CALLS = Metric(
    "switchboard_active_calls",
    MetricType.GAUGE,
    "Calls in progress on this worker.",
    ("tenant", "agent"),
)
CALL_CAPACITY = Metric(
    "switchboard_call_capacity", MetricType.GAUGE, "Calls this worker takes at once."
)
CALLS_TOTAL = Metric(
    "switchboard_calls_total",
    MetricType.COUNTER,
    "Calls ended, by outcome.",
    ("tenant", "agent", "outcome"),
)
CALLS_REFUSED = Metric(
    "switchboard_calls_refused_total",
    MetricType.COUNTER,
    "Calls not taken, by reason: full, quota, agent_quota, rate, country, draining, lagging, "
    "unknown_revision.",
    ("reason",),
)
VARIANT_FALLBACKS = Metric(
    "switchboard_variant_fallbacks_total",
    MetricType.COUNTER,
    "Calls of an A/B variant whose revision was not there: the agent's own revision served them.",
    ("tenant", "agent", "variant"),
)
QUOTA_UNSHARED = Metric(
    "switchboard_quota_unshared_total",
    MetricType.COUNTER,
    "Quota decisions made from this worker's own calls alone, because Redis was away.",
)
LOOP_LAG = Metric(
    "switchboard_loop_lag_seconds",
    MetricType.HISTOGRAM,
    "How late the event loop ran a timer that was due.",
    (),
    (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0),
)
UNDERRUNS = Metric(
    "switchboard_playback_underruns_total",
    MetricType.COUNTER,
    "Frames of a running reply that were not ready when due.",
)
FRAME_LATENESS = Metric(
    "switchboard_frame_lateness_seconds",
    MetricType.HISTOGRAM,
    "How late agent audio was put on the wire, at each 20 ms tick of a voice or its silence.",
    (),
    (0.001, 0.002, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.2, 0.5, 1.0),
)
EVENTS_DROPPED = Metric(
    "switchboard_call_events_dropped_total",
    MetricType.COUNTER,
    "Call events lost because the buffer was full while Redis was away.",
)
STREAM_FAULTS = Metric(
    "switchboard_stream_faults_total",
    MetricType.COUNTER,
    "Media streams closed because the peer broke the protocol.",
    ("fault",),
)
HEARTBEATS_MISSED = Metric(
    "switchboard_heartbeats_missed_total",
    MetricType.COUNTER,
    "Heartbeats that did not reach Redis: the operator does not see this worker's load.",
)
CALLS_RECOVERED = Metric(
    "switchboard_calls_recovered_total",
    MetricType.COUNTER,
    "Calls of lost workers that this worker took up, by outcome: recovered, caller_gone, no_place "
    "(no worker of the pool had one in time), failed (revision or room not to be had).",
    ("outcome",),
)
RECOVERY_SECONDS = Metric(
    "switchboard_recovery_seconds",
    MetricType.HISTOGRAM,
    "From when a call was found without a worker until the worker that took it up was in its room. "
    "The lost worker's lease comes on top.",
    (),
    (0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0),
)
CALLS_LET_GO = Metric(
    "switchboard_calls_let_go_total",
    MetricType.COUNTER,
    "Calls this worker left to its peers, by reason: fenced (it had not beaten in time), cut_off "
    "(it could not reach LiveKit while its peers could), lost (the connection to one room broke).",
    ("reason",),
)
RECOVERY_READY = Metric(
    "switchboard_recovery_ready",
    MetricType.GAUGE,
    "1 while this worker's calls would be gone on with if it died; 0 while Redis is away.",
)
ORPHANED_CALLS = Metric(
    "switchboard_orphaned_calls",
    MetricType.GAUGE,
    "Calls of lost workers in this worker's pool that no worker has a place for.",
)
SNAPSHOTS_DROPPED = Metric(
    "switchboard_snapshots_dropped_total",
    MetricType.COUNTER,
    "Snapshots of calls not kept, by reason: redis (it was away), too_large.",
    ("reason",),
)
LLM_FIRST_TOKEN = Metric(
    "switchboard_llm_first_token_seconds",
    MetricType.HISTOGRAM,
    "From asking a language model to its first text.",
    ("tenant", "agent", "provider"),
    _LATENCY_SECONDS,
)
LLM_FAILURES = Metric(
    "switchboard_llm_failures_total",
    MetricType.COUNTER,
    "Language models that gave no answer or broke off, by reason: silent, unreachable, "
    "unauthorized, rate_limited, refused, server_error, garbage, broke_off, empty; skipped counts "
    "questions not put because the provider failed lately.",
    ("tenant", "agent", "provider", "reason"),
)
LLM_TOKENS = Metric(
    "switchboard_llm_tokens_total",
    MetricType.COUNTER,
    "Tokens as reported by the language model, by kind: prompt, completion.",
    ("tenant", "agent", "provider", "kind"),
)
LLM_FALLBACKS = Metric(
    "switchboard_llm_fallbacks_total",
    MetricType.COUNTER,
    "Times that callers heard dialog.prompt.fallback because no language model answered.",
    ("tenant", "agent"),
)
PROBES = Metric(
    "switchboard_probes_total",
    MetricType.COUNTER,
    "Probes of the operator that reached this worker, by result: answered, failed, refused (busy "
    "or draining), unheard (the room could not be joined).",
    ("result",),
)
PROBE_RESULTS = Metric(
    "switchboard_probe_results_total",
    MetricType.COUNTER,
    "Probes made by the operator, by result: answered, failed, not_answered, error (LiveKit could "
    "not be asked).",
    ("tenant", "agent", "result"),
)
PROBE_SECONDS = Metric(
    "switchboard_probe_seconds",
    MetricType.HISTOGRAM,
    "From the dispatch into a probe room until a worker's answer was read.",
    ("tenant",),
    (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0),
)
PROBE_LAST_ANSWER = Metric(
    "switchboard_probe_last_answer_timestamp_seconds",
    MetricType.GAUGE,
    "When a probe of the agent was last answered with a greeting, as Unix time.",
    ("tenant", "agent"),
)
RECONCILES = Metric(
    "switchboard_reconciles_total",
    MetricType.COUNTER,
    "Reconciles by kind and result: ok, failed.",
    ("kind", "result"),
)
RECONCILE_SECONDS = Metric(
    "switchboard_reconcile_seconds",
    MetricType.HISTOGRAM,
    "Duration of one reconcile.",
    ("kind",),
    (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
QUEUE_DEPTH = Metric("switchboard_queue_depth", MetricType.GAUGE, "Keys waiting to be reconciled.")
API_WRITES = Metric(
    "switchboard_api_writes_total",
    MetricType.COUNTER,
    "Writes to the Kubernetes API by kind and verb.",
    ("kind", "verb"),
)
LIVEKIT_CALLS = Metric(
    "switchboard_livekit_requests_total",
    MetricType.COUNTER,
    "Requests to the LiveKit API by method and result: ok, failed.",
    ("method", "result"),
)

QUEUE_WAIT = Metric(
    "switchboard_queue_wait_seconds",
    MetricType.HISTOGRAM,
    "From when a key was due until a worker took it.",
    (),
    (0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
QUEUE_OLDEST = Metric(
    "switchboard_queue_oldest_seconds",
    MetricType.GAUGE,
    "How long the key at the head of the queue has waited; 0 when none waits.",
)
RETRIES = Metric(
    "switchboard_reconcile_retries_total",
    MetricType.COUNTER,
    "Reconciles that were put back with a delay because they failed.",
    ("kind",),
)
RESOURCES = Metric(
    "switchboard_resources",
    MetricType.GAUGE,
    "VoiceAgents and Tenants by condition, its status and its reason.",
    ("kind", "condition", "status", "reason"),
)
TENANT_AGENTS = Metric(
    "switchboard_tenant_voice_agents",
    MetricType.GAUGE,
    "VoiceAgents in the namespaces of each Tenant.",
    ("tenant",),
)
LEADER = Metric(
    "switchboard_leader",
    MetricType.GAUGE,
    "1 on the operator that holds the lease, 0 on a standby. The sum over all must be 1.",
)
KUBE_SECONDS = Metric(
    "switchboard_kube_request_seconds",
    MetricType.HISTOGRAM,
    "Duration of requests to the Kubernetes API by verb, watches left out.",
    ("verb",),
    (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0),
)
KUBE_ERRORS = Metric(
    "switchboard_kube_errors_total",
    MetricType.COUNTER,
    "Requests to the Kubernetes API that failed, by verb and the API's reason: NotFound, Conflict, "
    "Forbidden, Unreachable and so on.",
    ("verb", "reason"),
)
LIVEKIT_SECONDS = Metric(
    "switchboard_livekit_request_seconds",
    MetricType.HISTOGRAM,
    "Duration of requests to the LiveKit API by method.",
    ("method",),
    (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0),
)
LIVEKIT_POLL_AGE = Metric(
    "switchboard_livekit_poll_age_seconds",
    MetricType.GAUGE,
    "Since LiveKit's trunks, rules and rooms were last read in full; 0 on a standby.",
)
WATCH_MISSED = Metric(
    "switchboard_watch_missed_total",
    MetricType.COUNTER,
    "Changes that a full list found and that the watch of the kind had not brought.",
    ("kind",),
)
WATCH_CANARY_AGE = Metric(
    "switchboard_watch_canary_age_seconds",
    MetricType.GAUGE,
    "How long the oldest renewal of the lease has been waiting to come back through a watch.",
)
KUBE_EVENTS = Metric(
    "switchboard_kube_events_total",
    MetricType.COUNTER,
    "Kubernetes Events by result: written, failed, dropped.",
    ("result",),
)
TUGS_OF_WAR = Metric(
    "switchboard_tugs_of_war_total",
    MetricType.COUNTER,
    "Times a child was left alone because another controller kept changing the same field.",
    ("kind",),
)
MISSING_PERMISSIONS = Metric(
    "switchboard_missing_permissions",
    MetricType.GAUGE,
    "Verbs on kinds that the operator needs and may not use.",
)

CATALOGUE: tuple[Metric, ...] = tuple(v for v in list(globals().values()) if isinstance(v, Metric))
"""Every metric above."""
