-- Asks postern about a request: lets it go on with the subject's headers, or gives postern's own answer.
local postern = "http://127.0.0.1:9182/"
local subject_headers = {
  "x-subject-id", "x-subject-name", "x-subject-type", "x-subject-token-id", "x-subject-groups", "x-subject-roles",
  "x-subject-licenses", "x-subject-permissions", "x-subject-certificate", "x-subject-truncated",
}

local function values(list)
  local all = {}
  for _, value in pairs(list or {}) do all[#all + 1] = value end
  return all
end

core.register_action("postern", { "http-req" }, function(txn)
  local sent = txn.http:req_get_headers()
  local answer = core.httpclient():get {
    url = postern,
    headers = {
      -- All of them: two are refused, whichever of them would have counted.
      ["authorization"] = values(sent["authorization"]),
      ["x-forwarded-method"] = { txn.sf:method() },
      ["x-forwarded-uri"] = { txn.sf:url() },
      ["x-forwarded-host"] = values(sent["host"]),
      ["x-forwarded-for"] = { txn.sf:src() },
    },
  }
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
