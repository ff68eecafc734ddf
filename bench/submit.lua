-- Sends each document of a corpus once: wrk … -s submit.lua URL -- DOCUMENTS INDEX FIRST COUNT TOKEN PATH
local ffi = require("ffi")
ffi.cdef [[
  typedef struct { long sec; long nsec; } moment;
  int clock_gettime(int clock, moment *at);
]]

local function now()
  local at = ffi.new("moment")
  ffi.C.clock_gettime(1, at)
  return tonumber(at.sec) + tonumber(at.nsec) / 1e9
end

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  local documents, index = io.open(args[1], "rb"), io.open(args[2], "r")
  local first, count = tonumber(args[3]), tonumber(args[4])
  bodies, given, sent, began, ended = {}, 0, 0, 0, 0
  accepted, others, other = 0, 0, ""
  local line = 0
  for start, length in string.gmatch(index:read("*a"), "(%d+) (%d+)\n") do
    if line >= first and line < first + count then
      documents:seek("set", tonumber(start))
      table.insert(bodies, documents:read(tonumber(length)))
    end
    line = line + 1
  end
  wrk.headers["Content-Type"] = "application/xml"
  wrk.headers["Authorization"] = "Bearer " .. args[5]
  path = args[6]
end

-- Asked before each request: whoever comes when every document has been given out waits for the end.
function delay()
  if began == 0 then began = now() end
  given = given + 1
  if given > #bodies then return 60000 end
  return 0
end

function request()
  -- wrk tries it once before it begins.
  if began == 0 then return wrk.format("GET", "/healthz") end
  sent = sent + 1
  local body = bodies[sent]
  bodies[sent] = ""
  return wrk.format("POST", path, nil, body)
end

function response(status, headers, body)
  ended = now()
  if status == 201 then
    accepted = accepted + 1
  else
    others = others + 1
    other = status .. " " .. string.gsub(string.sub(body, 1, 600), "%s+", " ")
  end
  if accepted + others == #bodies then wrk.thread:stop() end
end

function done(summary, latency, requests)
  local thread = threads[1]
  local failed = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format("\nFOUND\t%d\t%d\t%d\t%.6f\t%.3f\t%.3f\t%s\n",
    thread:get("accepted"), thread:get("others"), failed, thread:get("ended") - thread:get("began"),
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, thread:get("other")))
end
