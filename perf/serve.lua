-- wrk's part of perf/serve.js: never the same prompt twice.
math.randomseed(os.time())
local count = math.random(1e9)
local headers = { ["content-type"] = "application/json" }
local body = '{"model":"auto","messages":[{"role":"user","content":"Question %d: explain in a few sentences how rivers, rain and %d other things shape a valley."}]}'

function request()
  count = count + 1
  return wrk.format("POST", "/v1/chat/completions", headers, body:format(count, count % 97))
end
