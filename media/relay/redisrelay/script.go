package redisrelay

// Each script gets the owner's hash as its first key and begins its arguments
// with the word of the writer, when it came, its generation and the number of its
// last write. Those that work on sessions answer "ok", "lost" or "taken".
const mine = `
local h = redis.call('HMGET', KEYS[1], 'owner', 'at', 'gen', 'seq')
if h[1] ~= ARGV[1] then
  if h[2] and tonumber(h[2]) > tonumber(ARGV[2]) then return 'taken' end
  return 'lost'
end
`

const current = mine + `
if h[3] ~= ARGV[3] or h[4] ~= ARGV[4] then return 'lost' end
`

// openSource makes the process ARGV[1] the owner; ARGV[2] is how long the key
// lives. It answers when that was, and how many milliseconds ago all was current;
// -1: nobody knows, as the owner before never said so.
const openSource = `
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then redis.call('DEL', KEYS[1]) end
local h = redis.call('HMGET', KEYS[1], 'at', 'asof', 'began')
local at = now
if h[1] and tonumber(h[1]) >= at then at = tonumber(h[1]) + 1 end
local age = -1
if h[2] and not h[3] then age = math.floor(now / 1000) - tonumber(h[2]) end
at = string.format('%.0f', at)
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'at', at, 'gen', 1, 'seq', 0, 'began', 1)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {at, age}
`

// resumeSource goes on after a write of which nobody knows whether it came: a
// new generation, in which nothing of the one before counts. It answers that.
const resumeSource = mine + `
local gen, seq = tonumber(h[3]), tonumber(h[4])
if gen < tonumber(ARGV[3]) or gen == tonumber(ARGV[3]) and seq ~= tonumber(ARGV[4]) and seq ~= tonumber(ARGV[4]) + 1 then return 'lost' end
redis.call('HSET', KEYS[1], 'gen', gen + 1, 'seq', 0)
return gen + 1
`

// applySource writes: for each key from the second, ARGV has the field and the
// state, empty for none, from the sixth. ARGV[5] is how long keys live.
const applySource = current + `
for i = 2, #KEYS do
  local field, state = ARGV[2 + 2 * i], ARGV[3 + 2 * i]
  if state == '' then
    redis.pcall('HDEL', KEYS[i], field)
  else
    local r = redis.pcall('HSET', KEYS[i], field, state)
    if type(r) == 'table' and r.err then
      if not string.find(r.err, 'WRONGTYPE', 1, true) then return r end
      redis.call('DEL', KEYS[i])
      redis.call('HSET', KEYS[i], field, state)
    end
    redis.call('PEXPIRE', KEYS[i], ARGV[5])
  end
end
redis.call('HSET', KEYS[1], 'seq', tonumber(h[4]) + 1)
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return 'ok'
`

// confirmSource notes that all was current ARGV[6] milliseconds ago, and renews
// the life of the further keys.
const confirmSource = current + `
local t = redis.call('TIME')
redis.call('HSET', KEYS[1], 'asof', string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000) - ARGV[6]))
redis.call('HDEL', KEYS[1], 'began')
for i = 1, #KEYS do redis.call('PEXPIRE', KEYS[i], ARGV[5]) end
return 'ok'
`
