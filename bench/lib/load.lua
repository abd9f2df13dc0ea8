-- What wrk sends, and how it reports. The driver writes the requests as a Lua table into a file and passes its name.

function init(args)
  local load = dofile(args[1])
  wrk.method = load.method
  wrk.body = load.body
  for name, value in pairs(load.headers) do wrk.headers[name] = value end
  if #load.paths == 1 then
    wrk.path = load.paths[1]
    return
  end
  local requests, turn = {}, 0
  for at, path in ipairs(load.paths) do requests[at] = wrk.format(nil, path) end
  function request()
    turn = turn % #requests + 1
    return requests[turn]
  end
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format(
    'RESULT {"micros":%d,"requests":%d,"bytes":%d,"p50":%d,"p99":%d,"max":%d,' ..
    '"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}',
    summary.duration, summary.requests, summary.bytes,
    latency:percentile(50), latency:percentile(99), latency.max,
    errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
