"""What happens in the book at once or not at all: Lua scripts that Redis runs as one step.

`owners` holds `<epoch> <life>` for each call. The epoch grows when a call loses its holder and
again when somebody takes it up, so every holder writes under a number that nobody had before.
"""

from typing import Final

_EPOCH: Final = "local function epoch(owner) return tonumber(string.match(owner, '^%d+')) end\n"

_NOW: Final = """
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
"""

_ORPHAN: Final = """
local function orphan(lives)
  local held = redis.call('HGETALL', owners)
  for i = 1, #held, 2 do
    local life = string.match(held[i + 1], ' (.+)$')
    if lives[life] then
      redis.call('HSET', owners, held[i], (epoch(held[i + 1]) + 1) .. ' -')
      redis.call('ZADD', orphans, now, held[i])
    end
  end
end
"""

BEAT: Final = (
    _EPOCH
    + _NOW
    + """
local meta, workers, takers = KEYS[1], KEYS[2], KEYS[3]
local owners, orphans = KEYS[4], KEYS[5]
local me, known, free, hears = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4] == '1'
local lease, quiet, grace = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local overdue, proposed, prefix = tonumber(ARGV[8]), ARGV[9], ARGV[10]
local stall = tonumber(ARGV[11])
"""
    + _ORPHAN
    + """
local generation = redis.call('HGET', meta, 'generation')
if not generation then
  generation = proposed
  redis.call('HSET', meta, 'generation', generation)
end
if known == generation and not redis.call('ZSCORE', workers, me) then
  return {'fenced', generation, 0, 0}
end
local seen = tonumber(redis.call('HGET', meta, 'seen') or now)
local patient = tonumber(redis.call('HGET', meta, 'grace') or 0)
if now - seen > quiet then patient = now + grace
elseif now - seen > stall then patient = math.max(patient, now + stall) end
redis.call('HSET', meta, 'seen', now, 'grace', patient)
redis.call('ZADD', workers, now + lease, me)
if not hears then free = 0 end
redis.call('HSET', takers, me, free)
if known ~= generation then return {'new', generation, 0, 0} end

if now >= patient then
  local dead, any = {}, false
  for _, life in ipairs(redis.call('ZRANGEBYSCORE', workers, '-inf', now - 1)) do
    redis.call('ZREM', workers, life)
    redis.call('HDEL', takers, life)
    dead[life], any = true, true
  end
  if any then orphan(dead) end
end

local places, able = 0, 0
for i, n in ipairs(redis.call('HVALS', takers)) do
  if tonumber(n) > 0 then places, able = places + tonumber(n), able + 1 end
end
local left = redis.call('ZCARD', orphans)
local answer = {'ok', generation, places - free, left}
local function take(call, since, late)
  redis.call('ZREM', orphans, call)
  local owner = redis.call('HGET', owners, call)
  local snapshot = redis.call('GET', prefix .. 'call:' .. call)
  if owner and snapshot then
    local mine = epoch(owner) + 1
    redis.call('HSET', owners, call, mine .. ' ' .. me)
    for _, value in ipairs({call, mine, now - tonumber(since), late, snapshot}) do
      answer[#answer + 1] = value
    end
  else
    redis.call('HDEL', owners, call)
  end
end
if left > 0 and free > 0 then
  local share = math.min(free, math.ceil(left / able))
  local calls = redis.call('ZRANGE', orphans, 0, share - 1, 'WITHSCORES')
  for i = 1, #calls, 2 do take(calls[i], calls[i + 1], 0) end
elseif left > 0 and hears then
  local calls = redis.call('ZRANGEBYSCORE', orphans, '-inf', now - overdue,
                           'WITHSCORES', 'LIMIT', 0, 10)
  for i = 1, #calls, 2 do take(calls[i], calls[i + 1], 1) end
end
answer[4] = redis.call('ZCARD', orphans)
return answer
"""
)
"""One beat: says that a worker lives, finds those that do not, hands out their calls."""

SURRENDER: Final = (
    _EPOCH
    + _NOW
    + """
local workers, takers, owners, orphans = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local me = ARGV[1]
"""
    + _ORPHAN
    + """
local places = 0
for _, life in ipairs(redis.call('ZRANGEBYSCORE', workers, now, '+inf')) do
  if life ~= me then places = places + tonumber(redis.call('HGET', takers, life) or 0) end
end
if places == 0 then return 0 end
redis.call('ZREM', workers, me)
redis.call('HDEL', takers, me)
orphan({[me] = true})
return 1
"""
)
"""Give all calls of a life to the peers; 0 and nothing done if none of them could take one."""

KEEP: Final = (
    _EPOCH
    + """
local owners, snapshot, ended = KEYS[1], KEYS[2], KEYS[3]
local call, mine, entering, ttl = ARGV[1], ARGV[2], ARGV[3] == '1', ARGV[4]
local owner = redis.call('HGET', owners, call)
if owner and owner ~= mine then return 0 end
if not owner then
  if not entering or redis.call('EXISTS', ended) == 1 then return 1 end
  redis.call('HSET', owners, call, mine)
end
redis.call('SET', snapshot, ARGV[5], 'PX', ttl)
return 1
"""
)
"""Write a snapshot under one's own epoch; 0 if somebody else holds the call."""

PUT_BACK: Final = (
    _EPOCH
    + _NOW
    + """
local owners, orphans = KEYS[1], KEYS[2]
local call, mine, waited = ARGV[1], ARGV[2], tonumber(ARGV[3])
if redis.call('HGET', owners, call) ~= mine then return 0 end
redis.call('HSET', owners, call, (epoch(mine) + 1) .. ' -')
redis.call('ZADD', orphans, now - waited, call)
return 1
"""
)
"""A call that was taken up and cannot be served here: to the others."""

MINE: Final = """
local found = {}
local held = redis.call('HGETALL', KEYS[1])
for i = 1, #held, 2 do
  if string.match(held[i + 1], ' (.+)$') == ARGV[1] then
    found[#found + 1] = held[i]
    found[#found + 1] = string.match(held[i + 1], '^%d+')
  end
end
return found
"""
"""Calls that the book says a life holds, with their epochs."""

APPEND: Final = (
    _EPOCH
    + """
local stream, owners, orphans, snapshot, ended = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local call, mine, ends, event = ARGV[1], tonumber(ARGV[2]), ARGV[3] == '1', ARGV[4]
local owner = redis.call('HGET', owners, call)
if owner and epoch(owner) > mine then return 0 end
if tonumber(redis.call('GET', ended) or -1) > mine then return 0 end
redis.call('XADD', stream, '*', 'event', event)
if ends then
  redis.call('HDEL', owners, call)
  redis.call('ZREM', orphans, call)
  redis.call('DEL', snapshot)
  redis.call('SET', ended, mine, 'PX', 60000)
end
return 1
"""
)
"""Append an event unless a later epoch has begun; the last one takes the call out of the book."""

LEAVE: Final = """
local workers, takers, owners = KEYS[1], KEYS[2], KEYS[3]
local me = ARGV[1]
for _, owner in ipairs(redis.call('HVALS', owners)) do
  if string.match(owner, ' (.+)$') == me then return 0 end
end
redis.call('ZREM', workers, me)
redis.call('HDEL', takers, me)
return 1
"""
"""A drained worker goes; one that still holds calls in the book stays, and its lease runs out."""

LINGER: Final = (
    _NOW
    + """
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), ARGV[1])
  redis.call('HSET', KEYS[2], ARGV[1], 0)
end
return 1
"""
)
"""A last, long lease: the worker beats no more and brings out its last events."""
