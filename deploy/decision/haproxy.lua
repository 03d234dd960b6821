-- Asks postern about a request: lets it go on with the subject's headers, or gives postern's own answer.
local postern = "http://127.0.0.1:9182/"
local subject_headers = {
  "x-subject-id", "x-subject-name", "x-subject-type", "x-subject-token-id", "x-subject-groups", "x-subject-roles",
  "x-subject-licenses", "x-subject-permissions", "x-subject-certificate", "x-subject-truncated",
}

-- What frames or routes this request and not the question, and what only we say.
local not_asked = {
  ["host"] = true, ["content-length"] = true, ["transfer-encoding"] = true, ["connection"] = true, ["upgrade"] = true,
  ["te"] = true, ["trailer"] = true, ["expect"] = true, ["keep-alive"] = true, ["proxy-connection"] = true,
  ["http2-settings"] = true, ["x-forwarded-proto"] = true, ["x-forwarded-prefix"] = true, ["x-original-method"] = true,
  ["x-original-uri"] = true, ["x-original-url"] = true, ["forwarded"] = true,
}

local function values(list)
  local all = {}
  for _, value in pairs(list or {}) do all[#all + 1] = value end
  return all
end

core.register_action("postern", { "http-req" }, function(txn)
  local sent = txn.http:req_get_headers()
  -- All fields, each as often as it came: rules may have conditions on any, and two credentials are refused.
  local asked = {}
  for name, list in pairs(sent) do
    if not not_asked[name] then asked[name] = values(list) end
  end
  asked["x-forwarded-method"] = { txn.sf:method() }
  asked["x-forwarded-uri"] = { txn.sf:url() }
  asked["x-forwarded-host"] = values(sent["host"])
  asked["x-forwarded-for"] = { txn.sf:src() }
  local answer = core.httpclient():get { url = postern, headers = asked }
  local status = answer and tonumber(answer.status) or 0
  if status == 200 then
    for _, name in ipairs(subject_headers) do
      txn.http:req_del_header(name)
      local value = answer.headers[name] and answer.headers[name][0]
      if value and value ~= "" then txn.http:req_set_header(name, value) end
    end
    txn.http:req_del_header("authorization")
    return
  end
  -- Nobody answered, or with something else: nobody is let in.
  local reply = txn:reply({ status = status >= 400 and status or 503, body = answer and answer.body or "" })
  for _, name in ipairs({ "content-type", "www-authenticate", "retry-after", "x-request-id" }) do
    local value = answer and answer.headers and answer.headers[name] and answer.headers[name][0]
    if value then reply:add_header(name, value) end
  end
  txn:done(reply)
end, 0)
