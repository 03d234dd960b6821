"""Every check of the data plane, taken out one at a time. Each mutant names the requirement, the file, the text that makes the check, what
stands there without it, and the black-box tests that must notice."""

from typing import List, NamedTuple


class Edit(NamedTuple):
    file: str
    old: str
    new: str


class Mutant(NamedTuple):
    what: str
    edits: List[Edit]  # more than one where a second check would catch what the first lets through
    tests: str  # files of tests/e2e, without "test_" and ".py"


def m(what, file, old, new, tests, *more):
    return Mutant(what, [Edit(file, old, new), *(Edit(*edit) for edit in more)], tests)


GRAMMAR = "request_grammar"
BODY = "chunked bodies"
ANSWER = "response_grammar"
HEADERS = "subject_headers"

MUTANTS = [
    # --- http-grammar: request head ---
    m("1 a second empty line", "proxy/head_reader.cpp", "if (empty_line_seen_) return HeadError::bad_request_line;", "", GRAMMAR),
    m("2 a bare LF", "proxy/line_scanner.hpp", "if (line_feed == begin_ || buffer[line_feed - 1] != '\\r') return Found::bad_end;",
      "if (line_feed == begin_ || buffer[line_feed - 1] != '\\r') { line = {begin_, line_feed}; begin_ = searched_ = line_feed + 1; return Found::line; }", GRAMMAR),
    m("3, 14 control bytes in a value", "proxy/field_line.cpp", "bad != end)", "bad != end && *bad != 0 && *bad != '\\r' && *bad != 0x7f && *bad != 0x0b)", GRAMMAR),
    m("4 an empty method", "proxy/request_line.cpp", "if (head.method.size == 0 || head.method.size > limits::method_bytes_max)", "if (head.method.size > limits::method_bytes_max)", GRAMMAR),
    m("4 a method of bytes that are no token", "proxy/request_line.cpp", "while (is(*at, tchar_byte)) ++at;\n  head.method", "while (is(*at, tchar_byte) || *at == '(') ++at;\n  head.method", GRAMMAR),
    m("5 blanks after the version", "proxy/request_line.cpp", 'if (version == "HTTP/1.1" || version == "HTTP/1.0") {', 'if (version.starts_with("HTTP/1.1") || version == "HTTP/1.0") {', GRAMMAR),
    m("6 an empty target", "proxy/request_line.cpp", "if (head.target.size == 0) return HeadError::bad_request_line;", "if (head.target.size == 0) { head.form = TargetForm::origin; return read_version({at + 1, line.end - offset(at + 1)}, head); }", GRAMMAR),
    m("7 a version of another number", "proxy/request_line.cpp", "return well_formed ? HeadError::unsupported_version : HeadError::bad_version;", "return well_formed ? HeadError::none : HeadError::bad_version;", GRAMMAR),
    m("7 a malformed version", "proxy/request_line.cpp", "return well_formed ? HeadError::unsupported_version : HeadError::bad_version;", "return HeadError::unsupported_version;", GRAMMAR),
    m("9 a target of no form", "proxy/request_line.cpp", "if (scheme == 0) return HeadError::bad_target;", "if (scheme == 0) { head.form = TargetForm::origin; return HeadError::none; }", GRAMMAR,
      ("policy/target.cpp", "if (raw.front() != '/') return TargetError::bad_byte;", "")),
    m("9 an asterisk for GET", "proxy/request_line.cpp", 'return method == "OPTIONS" ? HeadError::none : HeadError::bad_target;', "return HeadError::none;", GRAMMAR),
    m("9 CONNECT and TRACE", "proxy/gate.cpp", 'if (head.form == TargetForm::authority || method == "CONNECT" || method == "TRACE")', "if (head.form == TargetForm::authority)", GRAMMAR + " target"),
    m("10 the authority of absolute form", "proxy/request_line.cpp", "if (!is_host(rest.substr(0, authority))) return HeadError::bad_target;", "", GRAMMAR,
      ("proxy/head_reader.cpp", "} else if (!iequals(authority.of(buffer), head.host.of(buffer))) {", "} else if (false) {")),
    m("10 absolute form against Host", "proxy/head_reader.cpp", "} else if (!iequals(authority.of(buffer), head.host.of(buffer))) {", "} else if (false) {", "target"),
    m("11 the length of a target", "proxy/head_reader.cpp", "if (complete && head.target.size > bounds.target)", "if (false)", "limits"),
    m("11 the length of a head", "proxy/head_reader.cpp", "if ((complete ? head.size : buffer.size()) > bounds.head)", "if (false)", "limits"),
    m("11 the number of fields as configured", "proxy/head_reader.cpp", "if (complete && head.field_count > bounds.fields)", "if (false)", "limits"),
    m("11 the length of a head, at most", "proxy/head_reader.cpp", "return refuse(request_line_seen_ ? HeadError::head_too_long", "if (request_line_seen_) return HeadStatus::incomplete;\n        return refuse(request_line_seen_ ? HeadError::head_too_long", GRAMMAR,
      ("proxy/head_reader.cpp", "if ((complete ? head.size : buffer.size()) > bounds.head)", "if (false)")),
    m("11 the number of fields", "proxy/head_reader.cpp", "if (head.field_count == limits::fields_max) return HeadError::too_many_fields;", "if (head.field_count == limits::fields_max) --head.field_count;", GRAMMAR),
    m("12 a blank before a field", "proxy/head_reader.cpp", "HeadError RequestReader::take_field_line(const char* buffer, Line line, RequestHead& head) noexcept {", "HeadError RequestReader::take_field_line(const char* buffer, Line line, RequestHead& head) noexcept {\n  if (is_ows(buffer[line.begin])) return HeadError::none;", GRAMMAR),
    m("13 a blank before a colon", "proxy/field_line.cpp", "if (*at != ':') return HeadError::bad_field_name;", "const char* const name_end = at; while (is_ows(*at)) ++at; if (*at != ':') return HeadError::bad_field_name; (void)name_end;", GRAMMAR),
    m("16 two Hosts", "proxy/head_reader.cpp", "if (head.has_host || !is_host(", "if (!is_host(", GRAMMAR),
    m("16 a Host that is none", "proxy/head_reader.cpp", "if (head.has_host || !is_host(field.value.of(buffer))) return HeadError::bad_host;", "if (head.has_host) return HeadError::bad_host;", GRAMMAR + " target",
      ("proxy/gate.cpp", "return answers::of(HeadError::bad_host);", "host.name = {};")),
    m("16 no Host", "proxy/head_reader.cpp", "if (!head.has_host && head.minor == 1) return HeadError::missing_host;", "", GRAMMAR),
    m("what a client sent ahead goes with it", "proxy/exchange.cpp", "exchange->in_window.clear();", "", "target"),
    m("a connection idles after an upload", "proxy/session.cpp", "client_->settle();", "", "timeouts"),
    m("17 two lengths", "proxy/framing_fields.cpp", "if (length_seen_ || value.empty()", "if (value.empty()", GRAMMAR + " " + ANSWER),
    m("17 an empty length", "proxy/framing_fields.cpp", "length_seen_ || value.empty() ||", "length_seen_ ||", GRAMMAR),
    m("17 a length of other bytes than digits", "proxy/framing_fields.cpp", "if (!is(byte, digit_byte)) return HeadError::bad_content_length;", "if (!is(byte, digit_byte)) continue;", GRAMMAR + " " + ANSWER),
    m("17 a length beyond 63 bits", "proxy/framing_fields.cpp", "if (length > INT64_MAX) return HeadError::bad_content_length;", "", GRAMMAR),
    m("18 a coding that is not exactly chunked", "proxy/framing_fields.cpp", "if (coding_ == Coding::unknown) return HeadError::unsupported_transfer_encoding;", "", GRAMMAR),
    m("18 two codings in two lines", "proxy/framing_fields.cpp", "if (coding_ != Coding::none) return HeadError::bad_transfer_encoding;", "", GRAMMAR + " " + ANSWER),
    m("18 chunked before another coding", "proxy/framing_fields.cpp", "if (!last && iequals(coding, \"chunked\")) return HeadError::bad_transfer_encoding;", "if (!last && iequals(coding, \"chunked\")) { coding_ = Coding::chunked; return HeadError::none; }", GRAMMAR),
    m("19 both framings", "proxy/framing_fields.cpp", "if (length_seen_) return HeadError::length_and_coding;", "", GRAMMAR + " " + ANSWER),
    m("20 a coding in HTTP/1.0", "proxy/framing_fields.cpp", "if (head.minor == 0) return HeadError::coding_in_http10;", "", GRAMMAR + " " + ANSWER),
    m("21 Connection of bytes that are no token", "proxy/framing_fields.cpp", "if (!is_token(token)) return HeadError::bad_connection;", "", GRAMMAR),
    m("22 HTTP/1.0 without Host where hosts matter", "proxy/gate.cpp", "} else if (snapshot_->policy->has_host_rules()) {", "} else if (false) {", "target"),
    m("23 an unknown expectation", "proxy/head_reader.cpp", 'if (expect_seen_ || !iequals(field.value.of(buffer), "100-continue")) return HeadError::bad_expect;', "", GRAMMAR),
    m("23 an alias of a framing name", "proxy/header_rules.cpp", "if (is_alias_among(framing_and_routing, name)) return FieldFate::refuse;", "", HEADERS),
    # --- http-grammar: chunked bodies ---
    m("chunk 1 no digit", "proxy/chunk_machine.cpp", "if (digits_ == 0) return State::refused;", "", BODY),
    m("chunk 1 too many digits", "proxy/chunk_machine.cpp", "if (digits_ == size_digits_max) return State::refused;", "", BODY),
    m("chunk 1 a size beyond 63 bits", "proxy/chunk_machine.cpp", "if (remaining_ > static_cast<std::uint64_t>(INT64_MAX)) return State::refused;", "", BODY),
    m("chunk 3 bytes after the size", "proxy/chunk_machine.cpp", "if (byte != ';' && !is_ows(byte)) return State::refused;", "if (byte != ';' && !is_ows(byte)) return State::size;", BODY),
    m("chunk 3 a bare LF after the size", "proxy/chunk_machine.cpp", "if (byte == '\\r') return State::size_line_feed;", "if (byte == '\\r') return State::size_line_feed; if (byte == '\\n') return after_size_line();", BODY),
    m("chunk 4 an extension without a name", "proxy/chunk_machine.cpp", "return is(byte, tchar_byte) ? State::extension_name : State::refused;", "if (ends) return State::size_line_feed; return State::extension_name;", BODY),
    m("chunk 5 control bytes in a quoted extension", "proxy/chunk_machine.cpp", "return is(byte, quoted_byte) ? state_ : State::refused;", "return byte == '\\r' ? State::refused : state_;", BODY),
    m("chunk 6 a long extension", "proxy/chunk_machine.cpp", "if (++extension_line_ > limits::chunk_extension_line_bytes_max) return State::refused;", "", BODY),
    m("chunk 6 many extensions", "proxy/chunk_machine.cpp", "if (++extension_total_ > limits::chunk_extension_bytes_max + moved_ / 16) return State::refused;", "", BODY),
    m("chunk 7 no CR after the data", "proxy/chunk_machine.cpp", "return byte == '\\r' ? State::data_line_feed : State::refused;", "return State::data_line_feed;", BODY),
    m("chunk 7 no LF after the data", "proxy/chunk_machine.cpp", "return byte == '\\n' ? State::size_first : State::refused;", "return State::size_first;", BODY),
    m("chunk 8 a trailer without a name", "proxy/chunk_machine.cpp", "return is(byte, tchar_byte) ? State::trailer_name : State::refused;", "return State::trailer_name;", BODY),
    m("chunk 8 control bytes in a trailer", "proxy/chunk_machine.cpp", "return is(byte, value_byte) ? state_ : State::refused;", "return state_;", BODY),
    m("chunk 8 trailers without a bound", "proxy/chunk_machine.cpp", "if (trailer_total_ == limits::trailer_bytes_max) return State::refused;", "", BODY),
    m("chunk 9 reserved names in trailers", "proxy/trailers.cpp", "if (rules.request_field(name, field, false) != FieldFate::pass || rules.is_credential_field(name))", "if (false)", "trailers"),
    m("chunk 9 trailers although the rule drops them", "proxy/gate.cpp", "exchange.trailers = match.rule && match.rule->trailers == policy::Trailers::pass;", "exchange.trailers = true;", "trailers chunked"),
    m("chunk 10 the last CRLF", "proxy/chunk_machine.cpp", "return byte == '\\n' ? State::complete : State::refused;", "return State::complete;", BODY),
    m("chunk 11 an end before the end", "proxy/body_reader.hpp", "return finished_ = finished_ || framing_ == Framing::until_close;", "return finished_ = true;", BODY + " " + ANSWER),
    # --- http-grammar: response head ---
    m("answer 1 the status", "proxy/head_reader.cpp", "text[9] >= '1' &&\n                      text[9] <= '5' &&", "is(text[9], digit_byte) &&", ANSWER),
    m("answer 2 the reason", "proxy/head_reader.cpp", "return find_non_value_byte(end - reason.size(), end) == end ? HeadError::none : HeadError::bad_status_line;", "return HeadError::none;", ANSWER),
    m("answer 2 the reason is ours", "proxy/head_writer.cpp", "out.put(reason_phrase(head.status));", "out.put(head.reason.of(buffer));", ANSWER),
    m("answer 3 bytes on an idle connection", "proxy/stream.cpp", "if (!awaited && idle_event_ && readable()) idle_event_(*this, idle_context_);", "", "response_grammar upstream",
      ("proxy/upstream_pool.cpp", "if (stream->readable()) {", "if (false) {")),
    m("answer 7 no body by status", "proxy/head_reader.cpp", "head_request || head.status < 200 || head.status == 204 || head.status == 304;", "head_request;", ANSWER),
    m("answer 7 no body after HEAD", "proxy/head_reader.cpp", "const bool bodiless = head_request ||", "const bool bodiless =", ANSWER + " bodies"),
    m("answer 8 a 101 that was not asked for", "proxy/relay_response.cpp", "const bool good = x_.upgrade && upgrade_accepted(", "const bool good = true || upgrade_accepted(", "response_grammar upgrade"),
    m("answer 8 the accept value", "proxy/relay_response.cpp", "co_return good ? HeadEnd::complete : HeadEnd::malformed;", "co_return x_.upgrade || good ? HeadEnd::complete : HeadEnd::malformed;", "upgrade"),
    m("answer 10 endless 1xx", "proxy/relay_response.cpp", "informational <= limits::informational_max;", "informational <= 1000000;", ANSWER),
    # --- security: target and host ---
    m("dot segments", "policy/target.cpp", "if (only_dots_ && (size_ == 1 || size_ == 2)) return TargetError::dot_segment;\n    if (size_ > 0 && (last_ == '.' || last_ == ' ')) return TargetError::segment_end;", "", "target"),
    m("segments that end in a dot or a space", "policy/target.cpp", "if (size_ > 0 && (last_ == '.' || last_ == ' ')) return TargetError::segment_end;", "", "target"),
    m("encoded slashes", "policy/target.cpp", "if (byte == '/' || byte == '\\\\') return TargetError::encoded_slash;", "", "target"),
    m("encoded control bytes", "policy/target.cpp", "if (byte < 0x20 || byte == 0x7F) return TargetError::encoded_control;", "", "target"),
    m("empty segments", "policy/target.cpp", "if (segment.empty() && end != std::string_view::npos) return TargetError::empty_segment;", "", "target"),
    m("raw semicolons", "policy/target.cpp", 'mark(";", Byte::semicolon);', 'mark(";", Byte::reserved);', "target"),
    m("encoded semicolons", "policy/target.cpp", "if (byte == ';') return TargetError::parameter;\n  return TargetError::none;", "return TargetError::none;", "target"),
    m("double escapes", "policy/target.cpp", "return TargetError::double_escape;", "after_percent_ = 0;", "target"),
    m("UTF-8", "policy/target.cpp", "if (const TargetError error = follow_utf8(byte); error != TargetError::none) return error;", "", "target"),
    m("incomplete escapes", "policy/target.cpp", "if (decoded < 0) return TargetError::bad_escape;", "if (decoded < 0) { *end++ = '%'; raw.remove_prefix(1); continue; }", "target"),
    m("the depth of a path", "policy/target.cpp", "if (count == limits::path_segments_max) return TargetError::too_deep;", "if (count == limits::path_segments_max) break;", "target"),
    m("the path that was matched is forwarded", "proxy/relay_request.cpp", "rewrite.path = x_.path.text;", "rewrite.path = head.path.of(x_.in);", "target"),
    m("the host that was matched is forwarded", "policy/host.cpp", "if (!raw.empty() && raw.back() == '.') raw.remove_suffix(1);", "", "target request_grammar"),
    # --- security: headers ---
    m("reserved headers", "proxy/header_rules.cpp", "if (reserved(name)) return FieldFate::drop;", "", HEADERS),
    m("other names with an underscore", "proxy/header_rules.cpp", "if (name.find('_') != std::string_view::npos) return FieldFate::drop;", "", HEADERS),
    m("aliases of what we set", "proxy/header_rules.cpp", "return is_alias_among(ours, name) || is_forwarding_fact(name) ? FieldFate::drop : FieldFate::pass;", "return FieldFate::pass;", HEADERS),
    m("forwarding facts of a stranger", "proxy/header_rules.cpp", "return trusted ? FieldFate::pass : FieldFate::drop;\n    case FieldName::x_original", "return FieldFate::pass;\n    case FieldName::x_original", HEADERS),
    m("forwarding facts by prefix", "proxy/header_rules.cpp", "if ((first == 'x' || first == 'f') && is_forwarding_fact(name))", "if (false && first == 'x')", HEADERS),
    m("Connection naming what we rely on", "proxy/header_rules.cpp", "if (rules && !rules->may_be_nominated(name)) good = false;", "", HEADERS),
    m("fields that Connection names", "proxy/header_rules.cpp", "if (iequals(names_[i], name)) return true;", "", HEADERS),
    m("the credential is not forwarded", "proxy/header_rules.cpp", "return FieldFate::credential;", "return FieldFate::pass;", HEADERS),
    m("hop-by-hop fields of an answer", "proxy/header_rules.cpp", "case FieldName::keep_alive:\n    case FieldName::proxy_connection:\n    case FieldName::proxy_authenticate:\n    case FieldName::te:", "case FieldName::te:", ANSWER),
    # --- security: framing, upgrades, connections ---
    m("a connection closes after a misread request", "proxy/session.cpp", "const bool close = misread || !request_consumed || closes_after_this();", "const bool close = !request_consumed || closes_after_this();", "request_grammar bodies"),
    m("a connection closes after an unread body", "proxy/session.cpp", "const bool close = misread || !request_consumed || closes_after_this();", "const bool close = misread || closes_after_this();", "bodies answers"),
    m("an unread body is not left in a pooled connection", "proxy/relay_response.cpp", "release_upstream(upstream_keeps && request_consumed() &&", "release_upstream(upstream_keeps &&", "upstream bodies"),
    m("bytes beyond an answer", "proxy/relay_response.cpp", "request_consumed() && x_.out_window.empty()", "request_consumed()", "response_grammar"),
    m("a retry of what may not be repeated", "proxy/relay.cpp", "(x_.request.framing == Framing::none && is_idempotent(x_.facts.method.view()))", "true", "upstream"),
    m("a retry on a fresh connection", "proxy/relay.cpp", "end != HeadEnd::closed || !reused_ ||", "end != HeadEnd::closed ||", "upstream"),
    m("an upgrade with a body", "proxy/websocket.cpp", "head.framing == Framing::none", "true", "upgrade"),
    m("an upgrade of a malformed handshake", "proxy/gate.cpp", "if (upgrade == UpgradeRequest::malformed) {", "if (false) {", "upgrade"),
    m("an upgrade uses a connection of its own", "proxy/relay.cpp", "return x_.upgrade ? Lease() : shard_", "return shard_", "upgrade"),
    m("early hints for HTTP/1.0", "proxy/relay_response.cpp", "else if (status == 103 && x_.request.minor >= 1)", "else if (status == 103)", ANSWER),
    m("an unexpected 1xx poisons", "proxy/relay_response.cpp", "poisoned_ = true;  // nobody asked", ";", "response_grammar upstream"),
    m("an informational head that breaks off is no answer", "proxy/relay.cpp", "if (broken_off_) result = RelayResult{};", "", "revocation"),
    m("a broken answer is reset", "proxy/session.cpp", "if (after == After::reset) break_on_close", "if (false) break_on_close", "response_grammar bodies"),
    # --- security: failing ---
    m("a broken store is not an unknown token", "proxy/gate.cpp", "if (facts.token_state == store::TokenState::store_broken)\n      return {false, answers::store_unavailable, false};", "", "machine"),
    # --- credentials ---
    m("two credentials", "proxy/credential.cpp", "if (malformed_ || count_ > 1) return", "if (malformed_) return", "credentials answers"),
    m("a malformed credential", "proxy/credential.cpp", "if (malformed_ || count_ > 1) return", "if (count_ > 1) return", "credentials answers"),
    m("a credential from a place that is not accepted", "proxy/credential.cpp", "if (count_ == 0 || !sources.accept(found_.place, found_.source)) return {};", "if (count_ == 0) return {};", "credentials"),
    m("the query's credential is cut out", "proxy/credential.cpp", "if (!cut.query) return {query, {}};", "return {query, {}};", "credentials"),
    m("a Referer that carries the query's credential", "proxy/credential.cpp", "if (carries(field.value.of(buffer_), source.name)) cut_", "if (carries(field.value.of(buffer_), source.name) && false) cut_", "credentials"),
    # --- upstreams ---
    m("a rule's own upstream", "proxy/gate.cpp", "exchange.upstream = match.rule->upstream;", "exchange.upstream = 0;", "upstreams"),
    m("a client's field under the name of our credential there", "proxy/head_writer.cpp", "!(own && own->covers(name))", "true", "upstreams"),
    m("the same under an alias", "proxy/injected_headers.cpp", "return is_alias_of(name, folded);", "return name == folded;", "upstreams"),
    m("the same in trailers", "proxy/trailers.cpp", "!(own_headers && own_headers->covers(field.name.of(buffer)))", "(own_headers || true)", "upstreams"),
    m("a line with a credential is not shown", "conf/diagnostic.cpp", "if (!may_hold_secret(text)) append_caret(", "if (!may_hold_secret(text) || true) append_caret(", "upstreams"),
    m("an address that fails is left alone", "proxy/relay.cpp", "pool.failed(*address_);", "pool.answered(*address_);", "upstreams"),
    m("an address that fails its health check", "proxy/upstream_address.hpp", "return healthy_ && (", "return (", "upstreams"),
    m("an address that is gone keeps no connection", "proxy/upstream_pool.cpp", "if (retired || stream->hung_up() ||", "if ((retired && false) || stream->hung_up() ||", "upstreams"),
    # --- decisions ---
    m("a decision is told to trusted proxies only", "proxy/session_decision.cpp", "if (peer_.text.empty() || is_trusted(", "if (true || is_trusted(", "decision"),
    m("a request is asked about once", "proxy/asked_request.cpp", "return count == 1;", "return count >= 1;", "decision"),
    m("a target that is asked about is one", "proxy/request_line.cpp", "if (head.target.size != value.size) return HeadError::bad_target;", "", "decision"),
    m("every subject header is told", "proxy/session_decision.cpp", "put_absent_subject_headers(block, shard_.gate().header_rules().prefix(), head);", "", "decision"),
    # --- faults ---
    m("a store that is no longer there", "proxy/gate.cpp", "if ((!snapshot.ok() || store_lost_) && !(anonymous_rule && presented.form", "if (!snapshot.ok() && !(anonymous_rule && presented.form", "machine"),
    m("a client that closed while the upstream thought", "proxy/relay.cpp", "if (x_.request.minor >= 1) probe_.watch();", "", "faults"),
    # --- conditions and options of rules ---
    m("a value of a parameter", "policy/condition.cpp", "return count_ > 0 && among_ == count_;", "return count_ > 0;", "rule_options"),
    m("every value of a parameter", "policy/condition.cpp", "return count_ > 0 && among_ == count_;", "return among_ > 0;", "rule_options"),
    m("a query that readers take differently", "policy/condition.cpp", "if (!is_plain(query)) return false;", "", "rule_options"),
    m("a parameter that must not be there", "policy/condition.cpp", "return count_ == 0;", "return true;", "rule_options"),
    m("the client's network", "policy/condition.cpp", "return within == (condition.test == Condition::Test::one_of);", "return true;", "rule_options"),
    m("a rule's own limit of bodies", "proxy/gate.cpp", "exchange.body_limit = match.rule->body_limit.value_or(config.limits.body);", "", "rule_options"),
    # --- tokens that nobody is to use ---
    m("a canary is never valid", "store/reader.cpp", "if (secret.canary) return TokenState::canary;", "", "usage"),
    m("a canary raises an alarm", "proxy/gate.cpp", "usage_.note(snapshot.token_key(), Kind::canary, client, now);", ";", "usage"),
    m("an old secret raises an alarm", "proxy/gate.cpp", "usage_.note(snapshot.token_key(), Kind::rotated, client, now);", ";", "usage"),
    m("an old secret disables its token", "proxy/admin/usage_writer.cpp", "if (!canary && ruleset_->config.disable_on_reuse) disable(*key, id);", "", "usage"),
    m("and leaves an administrator", "store/token_storage.cpp", "if (before != nullptr) POSTERN_TRY_STATUS(mutation.note_administrators());", "", "usage"),
    # --- declared stores, spans ---
    m("a declared license follows its file", "store/apply.cpp", "change.enabled = declared.enabled;", "", "declared"),
    m("a declared user follows its file", "store/apply.cpp", "if (only_source || existing->status", "if ((only_source && false) || existing->status", "declared"),
    m("a span is told of recorded traces only", "proxy/trace.cpp", "if (continued ? !is_sampled(theirs)", "if (continued ? sample_percent > 100", "tracing"),
    m("a span is one of ours", "proxy/trace.cpp", "put_hex(made, ids.next() | 1);\n    made.put(theirs.substr(52));", "made.put(theirs.substr(36));", "tracing"),
    m("a link in the middle of a path", "proxy/admin/file_watch.cpp", "    add_links(written, places);", "    if (places.size() > 100000) add_links(written, places);", "reload"),
]
