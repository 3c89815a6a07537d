package redis

import goredis "github.com/redis/go-redis/v9"

// What a plan does to its values it does in scripts, because Redis runs a script as
// one: what was done and the record of it are there together, or neither.
//
// A plan's record is three hashes. One holds what became of each batch, by its number:
// when, and one letter for each change. One holds what is known of each value that was
// changed, one its copy; both by batch and place. What became of a batch that changed
// something stands beside what is known of its values once more, as =12: Redis may have
// removed the first one, because its memory was full. In a cluster they stand in the
// slot of the keys that they are about.

// The fields of a record that are no batch.
const (
	fieldStore = "store"
	fieldHash  = "hash" // of the plan's content
	// markBatch begins those of what is known that are a batch, and no value.
	markBatch = "="
)

// The letters of a record.
const (
	outcomeDone      = 'u' // removed, put back, or flushed
	outcomeChanged   = 'c'
	outcomeGone      = 'g'
	outcomeRight     = 'r' // its expiry is right by now
	outcomeTaken     = 't' // there is another value
	outcomeForgotten = 'm' // its copy is gone
	outcomeExpired   = 'x' // it would have expired by now
	outcomeDenied    = 'f' // Redis refused
)

// begin is what the scripts have in common: whose record it is, of which content, whether
// the batch was made before, what time it is, and what tells a value from others: see
// Value.Digest.
//
// ARGV begins with the store, the batch, how long copies and the record stay (ms), and
// the hash of the plan's content.
const begin = `
local record, store, batch, hash = KEYS[1], ARGV[1], ARGV[2], ARGV[5]
for _, at in ipairs({record, KEYS[2]}) do
  local owner, content = redis.call('HGET', at, 'store'), redis.call('HGET', at, 'hash')
  if owner and owner ~= store then return {'other', ''} end
  if content and content ~= hash then return {'content', ''} end
end
local done = redis.call('HGET', record, batch) or KEYS[2] and redis.call('HGET', KEYS[2], '=' .. batch)
if done then return {'done', done} end
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local function digest(key, limit, fields)
  local kind = redis.call('TYPE', key)['ok']
  if kind == 'none' then return nil end
  if kind == 'string' then
    if redis.call('STRLEN', key) > limit then return 'large' end
    return 'string:' .. redis.sha1hex(redis.call('GET', key))
  end
  if (redis.call('MEMORY', 'USAGE', key) or 0) > 2 * limit then return 'large' end
  if kind ~= 'hash' then return kind .. ':' .. redis.sha1hex(redis.call('DUMP', key)) end
  if redis.call('HLEN', key) > fields then return 'large' end
  local all, pairs = redis.call('HGETALL', key), {}
  for i = 1, #all, 2 do
    pairs[#pairs + 1] = redis.sha1hex(#all[i] .. ':' .. all[i] .. all[i + 1])
  end
  table.sort(pairs)
  return 'hash:' .. redis.sha1hex(table.concat(pairs))
end

local function note(outcome)
  local text = string.format('%.0f', now) .. ' ' .. table.concat(outcome)
  redis.call('HSET', record, 'store', store, 'hash', hash, batch, text)
  redis.call('PEXPIRE', record, ARGV[4])
  if KEYS[2] and string.find(text, 'u', 1, true) then
    redis.call('HSET', KEYS[2], 'store', store, 'hash', hash, '=' .. batch, text)
    redis.call('PEXPIRE', KEYS[2], ARGV[3])
  end
  return text
end

local function act(outcome, made, what)
  local did, refused = false, nil
  for _, i in ipairs(made) do
    local answer = what(i)
    if type(answer) == 'table' and answer['err'] then
      outcome[i] = 'f'
      refused = refused or answer['err']
      redis.call('HDEL', KEYS[2], batch .. '.' .. (i - 1))
    else
      did = true
    end
  end
  if not refused then return nil end
  if not did then
    redis.call('HDEL', record, batch)
    redis.call('HDEL', KEYS[2], '=' .. batch)
    return {'refused', refused}
  end
  return {'done', note(outcome)}
end
`

// unlink removes values that are what the plan saw. Everything is read before anything
// is written, and the copies stand before a value goes.
//
// KEYS: record, what is known, copies, the keys. ARGV after those of begin: the largest
// value, the most fields; for each key its digest, and what its expiry must still be:
// nothing, forever, or over so many ms.
const unlink = begin + `
local meta, was, outcome, made, copies = KEYS[2], KEYS[3], {}, {}, {}
for i = 1, #KEYS - 3 do
  local key, want, still = KEYS[3 + i], ARGV[6 + 2 * i], ARGV[7 + 2 * i]
  local found, ttl = digest(key, tonumber(ARGV[6]), tonumber(ARGV[7])), redis.call('PTTL', key)
  if not found then outcome[i] = 'g'
  elseif found ~= want then outcome[i] = 'c'
  elseif still == 'forever' and ttl ~= -1 then outcome[i] = 'r'
  elseif tonumber(still) and ttl == -1 then outcome[i] = 'c'
  elseif tonumber(still) and ttl <= tonumber(still) then outcome[i] = 'r'
  else
    outcome[i] = 'u'
    made[#made + 1] = i
    local expires = 0
    if ttl >= 0 then expires = now + ttl end
    local dump = redis.call('DUMP', key)
    copies[i] = {string.format('%.0f', expires) .. ' ' .. #dump .. ' ' .. want .. ' ' .. key, dump}
  end
end
for _, i in ipairs(made) do
  local place = batch .. '.' .. (i - 1)
  redis.call('HSET', meta, place, copies[i][1])
  redis.call('HSET', was, place, copies[i][2])
end
if #made > 0 then
  redis.call('PEXPIRE', meta, ARGV[3])
  redis.call('PEXPIRE', was, ARGV[3])
end
local text = note(outcome)
return act(outcome, made, function(i) return redis.pcall('UNLINK', KEYS[3 + i]) end) or {'done', text}
`

// restore puts values back from their copies, with the moment at which they expire,
// where nobody has cached another one.
//
// KEYS: record, what is known, copies of the plan that is taken back, the keys. ARGV
// after those of begin: for each key where its copy is, its digest, and when it expires
// (ms since 1970; 0: never).
const restore = begin + `
local meta, was, outcome, made, copies = KEYS[2], KEYS[3], {}, {}, {}
for i = 1, #KEYS - 3 do
  local key, place, expires = KEYS[3 + i], ARGV[3 + 3 * i], ARGV[5 + 3 * i]
  if redis.call('EXISTS', key) == 1 then outcome[i] = 't'
  elseif tonumber(expires) > 0 and tonumber(expires) <= now then outcome[i] = 'x'
  else
    local dump = redis.call('HGET', was, place)
    if not dump then outcome[i] = 'm'
    else
      outcome[i] = 'u'
      made[#made + 1] = i
      copies[i] = dump
    end
  end
end
for _, i in ipairs(made) do
  redis.call('HSET', meta, batch .. '.' .. (i - 1), ARGV[5 + 3 * i] .. ' ' .. #copies[i] .. ' ' .. ARGV[4 + 3 * i] .. ' ' .. KEYS[3 + i])
end
if #made > 0 then redis.call('PEXPIRE', meta, ARGV[3]) end
local text = note(outcome)
return act(outcome, made, function(i)
  return redis.pcall('RESTORE', KEYS[3 + i], ARGV[5 + 3 * i], copies[i], 'ABSTTL')
end) or {'done', text}
`

// flush removes everything in one server, without anybody waiting for it. That a note
// can be written is tried before; where memory is full it can be once all is removed.
//
// KEYS: record. ARGV: those of begin.
const flush = begin + `
local tried = redis.pcall('HSET', record, 'store', store, 'hash', hash)
if type(tried) == 'table' and tried['err'] and not string.find(tried['err'], 'OOM', 1, true) then
  return {'refused', tried['err']}
end
local answer = redis.pcall('FLUSHDB', 'ASYNC')
if type(answer) == 'table' and answer['err'] then
  redis.pcall('HDEL', record, 'store', 'hash')
  return {'refused', answer['err']}
end
return {'done', note({'u'})}
`

// probe tries every command of the scripts on two keys of which nobody has one, and
// leaves nothing.
//
// KEYS: a key of the bot's own, a key such as those that are removed. It gives the
// commands that were refused and why, by turns.
const probe = `
local own, key, refused = KEYS[1], KEYS[2], {}
local function try(name, ...)
  local answer = redis.pcall(name, ...)
  if type(answer) ~= 'table' or not answer['err'] then return answer end
  if string.find(answer['err'], 'WRONGTYPE', 1, true) then return nil end
  refused[#refused + 1] = name
  refused[#refused + 1] = answer['err']
end
try('TIME')
try('HSET', own, 'probe', '1')
try('PEXPIRE', own, 10000)
try('HGET', own, 'probe')
local dump = try('DUMP', own)
try('HDEL', own, 'probe')
if dump then try('RESTORE', own, 0, dump, 'ABSTTL') end
try('UNLINK', own)
for _, name in ipairs({'TYPE', 'STRLEN', 'GET', 'HLEN', 'HGETALL', 'DUMP', 'PTTL', 'EXISTS', 'UNLINK'}) do try(name, key) end
try('MEMORY', 'USAGE', key)
return refused
`

// scripts are the scripts, ready to be sent.
type scripts struct{ unlink, restore, flush, probe *goredis.Script }

func newScripts() scripts {
	return scripts{goredis.NewScript(unlink), goredis.NewScript(restore), goredis.NewScript(flush), goredis.NewScript(probe)}
}
