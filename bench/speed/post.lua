-- For wrk: posts the requests of a file, a line each, in their order. Each line: headers and body, separated by tabs.
local requests, sent = {}, 0

function init(args)
  for line in io.lines(args[1]) do
    local headers = { ["Content-Type"] = "application/json" }
    local rest = line
    while true do
      local tab = rest:find("\t", 1, true)
      if not tab then break end
      local name, value = rest:sub(1, tab - 1):match("^(.-): (.*)$")
      headers[name] = value
      rest = rest:sub(tab + 1)
    end
    requests[#requests + 1] = wrk.format("POST", nil, headers, rest)
  end
end

function request()
  sent = sent + 1
  return requests[sent] or error("the requests are used up")
end

function done(summary, latency, _)
  io.write(string.format(
    '\nRESULT {"requests": %d, "seconds": %.4f, "p50": %.3f, "p99": %.3f, "status": %d, "other": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    summary.errors.status, summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  ))
end
