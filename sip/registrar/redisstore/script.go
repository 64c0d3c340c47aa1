package redisstore

// swapSource writes a record if it is still the one that was read.
//
//	KEYS  record, index
//	ARGV  token read ("" for none), new value ("" to remove), its life in ms,
//	      expiry in ms since 1970, address of record, oldest expiry to keep in
//	      the index
//
// It answers 1 when the record is as wanted, else what is there instead, ""
// for nothing.
const swapSource = `
local now = redis.call('GET', KEYS[1])
local token = ''
if now then token = string.sub(now, 1, 8) end
if token ~= ARGV[1] then
  if now and token == string.sub(ARGV[2], 1, 8) then return 1 end
  return now or ''
end
if ARGV[2] == '' then
  redis.call('DEL', KEYS[1])
  redis.call('ZREM', KEYS[2], ARGV[5])
else
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  redis.call('ZADD', KEYS[2], ARGV[4], ARGV[5])
end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', '(' .. ARGV[6])
return 1
`
