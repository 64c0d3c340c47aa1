package redisledger

// cutSource works on a pool: what a lease of the ledger below left for holds.
//
//	KEYS  pool, key of the request, epoch of the node
//	ARGV  operation, lease, sequence seen last, now, node's epoch, then by
//	      operation
//
// A pool is a hash: lease, total (what the lease holds below), until, seq (one
// more with each change), h:<hold> = value and end, p:<key> = what is being
// paid below. Numbers stay below 2^53.
const cutSource = `
local op, lease, seen, now = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local pool = KEYS[1]
if op == 'open' then
  redis.call('DEL', pool)
  redis.call('HSET', pool, 'lease', lease, 'total', ARGV[6], 'until', ARGV[7], 'seq', 1)
  redis.call('PEXPIRE', pool, math.max(tonumber(ARGV[7]) - now, 0) + 3600000)
  return {'ok', '1'}
end
local epoch, mine = tonumber(redis.call('GET', KEYS[3]) or '0'), tonumber(ARGV[5])
if mine >= 0 then
  if mine < epoch then return {'fenced', tostring(epoch)} end
  if mine > epoch then redis.call('SET', KEYS[3], ARGV[5]) end
end
if op == 'cut' then
  local old = redis.call('GET', KEYS[2])
  if old then return {'done', old} end
end
local h = redis.call('HMGET', pool, 'lease', 'total', 'until', 'seq')
if h[1] ~= lease or tonumber(h[4]) < seen then return {'none'} end
local total, ends, seq = tonumber(h[2]), tonumber(h[3]), tonumber(h[4])
local holds, pending, held = {}, {}, 0
local all = redis.call('HGETALL', pool)
for i = 1, #all, 2 do
  local kind, name = string.sub(all[i], 1, 2), string.sub(all[i], 3)
  if kind == 'h:' then
    local v, u = string.match(all[i + 1], '^(%d+) (%d+)$')
    if tonumber(u) > now then
      holds[name] = {tonumber(v), tonumber(u)}
      held = held + tonumber(v)
    else
      redis.call('HDEL', pool, all[i])
    end
  elseif kind == 'p:' then
    pending[name] = tonumber(all[i + 1])
    held = held + math.max(pending[name], 0)
  end
end
local idle = total - held
local function text(n) return string.format('%.0f', n) end
local function write(...)
  redis.call('HSET', pool, 'seq', text(seq + 1), ...)
  return text(seq + 1)
end
if op == 'grow' then
  ends = math.max(ends, tonumber(ARGV[7]))
  redis.call('PEXPIRE', pool, math.max(ends - now, 0) + 3600000)
  return {'ok', write('total', text(total + tonumber(ARGV[6])), 'until', text(ends))}
end
if op == 'look' then return {'ok', h[4], text(idle), text(total)} end
if op == 'give' then
  local n = math.max(idle - tonumber(ARGV[6]), 0)
  return {'ok', write('total', text(total - n)), text(n)}
end
if op == 'paid' then
  redis.call('HDEL', pool, 'p:' .. ARGV[6])
  return {'ok', write('total', text(math.max(total - tonumber(ARGV[7]), 0)))}
end
if ends <= now then return {'none'} end
local name = ARGV[6]
local hold = holds[name]
if op == 'cut' then
  local value, least, till, extend, final = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9]), ARGV[10] == '1', ARGV[11] == '1'
  if extend and not hold then return {'hold'} end
  if hold and not extend then return {'there'} end
  if till > ends then return {'grow', text(idle)} end
  local grant = math.max(math.min(value, idle), 0)
  if grant < value and not final or grant < least then return {'short', text(idle)} end
  hold = hold or {0, 0}
  hold = {hold[1] + grant, math.max(hold[2], till)}
  local s = write('h:' .. name, text(hold[1]) .. ' ' .. text(hold[2]))
  redis.call('SET', KEYS[2], ARGV[12] .. ' ' .. text(grant) .. ' ' .. text(hold[1]) .. ' ' .. text(hold[2]), 'PX', 3600000)
  return {'ok', s, text(grant), text(hold[1]), text(hold[2])}
end
if op == 'take' then
  local value, keep, final, key = tonumber(ARGV[7]), ARGV[8] == '1', ARGV[9] == '1', ARGV[10]
  if pending[key] then return {'ok', h[4], text(pending[key]), hold and text(hold[1]) or '0', '1'} end
  if not hold and ARGV[11] == '1' then return {'hold'} end
  local have = math.max((hold and hold[1] or 0) + idle, 0)
  if value > have and not final then return {'short', text(have)} end
  local pay, rest = math.min(value, have), 0
  if hold then
    if keep then rest = hold[1] - math.min(math.max(pay, 0), hold[1]) end
    if rest > 0 then
      redis.call('HSET', pool, 'h:' .. name, text(rest) .. ' ' .. text(hold[2]))
    else
      redis.call('HDEL', pool, 'h:' .. name)
    end
  end
  return {'ok', write('p:' .. key, text(pay)), text(pay), text(rest), '0'}
end
if op == 'drop' then
  redis.call('HDEL', pool, 'h:' .. name)
  return {'ok', write('total', text(total))}
end
return redis.error_reply('unknown operation')
`
