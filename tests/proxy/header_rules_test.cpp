// What may pass from a client to the upstream, name by name.

#include "proxy/header_rules.hpp"

#include <cctype>
#include <vector>

#include "tests/proxy/heads.hpp"

using namespace postern;
using namespace postern::test;

namespace {

const HeaderRules rules("X-Subject-");

FieldFate fate_of(std::string_view name, bool trusted) {
  Field field;
  field.known = field_name(name);
  for (const char byte : name)
    if (!is(byte, plain_name_byte)) field.plain = false;
  return rules.request_field(name, field, trusted);
}

using Names = std::vector<std::string_view>;

void each_is(FieldFate expected, const Names& names) {
  for (const std::string_view name : names) {
    CAPTURE(name);
    CHECK(fate_of(name, false) == expected);
    CHECK(fate_of(name, true) == expected);
  }
}

bool collects(std::string_view connection, const HeaderRules* with = &rules) {
  const ReadRequest request = request_with("Connection: " + std::string(connection) + "\r\n");
  Nominated nominated;
  return nominated.collect(request.head(), request.buffer(), with);
}

}  // namespace

TEST_CASE("reserved names are deleted under every alias, whoever sends them") {
  each_is(
      FieldFate::drop,
      {"X-Subject-Id",  "x-subject-id",       "X-SUBJECT-ID",        "X_Subject_Id",    "X.Subject.Id",
       "X-Subject_Id",  "x~subject^id",       "X|Subject`Id",        "_X-Subject-Id",   "__X_Subject_Id",
       "-X-Subject-Id", "X-Subject-Id_",      "X-Subject",           "X_Subject",       "X-Subject-",
       "X.Subject.",    "X-Subject-Anything", "X-Subject-Truncated", "X!Subject#Roles", "*X'Subject&Groups"});
}

TEST_CASE("every tchar that is no letter and no digit stands for a dash in a reserved name") {
  for (int c = 1; c < 127; ++c) {
    const char byte = static_cast<char>(c);
    if (!is(byte, tchar_byte) || std::isalnum(c) != 0) continue;
    const std::string name = std::string("X") + byte + "Subject" + byte + "Id";
    CAPTURE(name);
    CHECK(rules.reserved(name));
    CHECK(fate_of(name, true) == FieldFate::drop);
  }
}

TEST_CASE("names that only resemble reserved ones pass") {
  each_is(FieldFate::pass,
          {"X-Subjects", "X-Subjective-Id", "XX-Subject-Id", "Subject-Id", "XSubject-Id", "X-Sub-Ject"});
  CHECK_FALSE(rules.reserved("X-Subj"));
  CHECK_FALSE(rules.reserved("X"));
  CHECK_FALSE(rules.reserved("-"));
}

TEST_CASE("another prefix reserves its own names") {
  const HeaderRules remote("Remote-");
  CHECK(remote.reserved("remote_user"));
  CHECK(remote.reserved("REMOTE"));
  CHECK_FALSE(remote.reserved("X-Subject-Id"));
  CHECK(remote.prefix() == "Remote-");
}

TEST_CASE("an alias of a framing or routing name refuses the request") {
  each_is(FieldFate::refuse,
          {"Transfer_Encoding", "Content.Length", "Host_", "_Host", "Content_Length", "TRANSFER_ENCODING",
           "transfer.encoding", "Connection_", "Keep_Alive", "Upgrade.", "Proxy_Connection", "TE_", "_te",
           "Trailer~", "Expect_", "HTTP2_Settings", "!Host"});
}

TEST_CASE("a dash at an edge folds like any other byte: Host- is as bad as Host_") {
  each_is(FieldFate::refuse, {"Host-", "-Host", "Transfer-Encoding-", "-Content-Length", "--Host--", "TE-"});
  each_is(FieldFate::drop, {"Authorization-", "-Authorization", "-X-Forwarded-For", "-Forwarded"});
}

TEST_CASE("hop-by-hop and framing fields end with us") {
  each_is(FieldFate::drop,
          {"Host", "Connection", "Content-Length", "Transfer-Encoding", "Expect", "Upgrade", "TE", "Trailer",
           "Keep-Alive", "Proxy-Connection", "Proxy-Authorization", "Proxy-Authenticate", "HTTP2-Settings",
           "http2-settings", "X-Request-Id", "Traceparent"});
}

TEST_CASE("the credential is read, never forwarded, whatever it is called") {
  each_is(FieldFate::credential, {"Authorization", "authorization", "AUTHORIZATION"});
  each_is(FieldFate::drop, {"_Authorization", "Authorization_", "Authorization.", "Proxy.Authorization",
                            "Proxy_Authorization"});
}

TEST_CASE("what we set anew is not doubled by an alias of it") {
  each_is(FieldFate::drop, {"X.Request.Id", "X_Request_Id", "X-Request-Id-", "traceparent_", "!traceparent"});
}

TEST_CASE("other names with an underscore are dropped") {
  each_is(FieldFate::drop, {"A_B", "_", "X_Custom", "Content_Type", "Cookie_"});
}

TEST_CASE("ordinary fields pass") {
  each_is(FieldFate::pass, {"Accept", "Cookie", "Content-Type", "User-Agent", "Date", "Via", "Tracestate",
                            "X-Custom", "If-Match", "A.B", "Origin", "Sec-WebSocket-Key",
                            "Sec-WebSocket-Protocol", "Forward", "X-Forward", "X-Http", "X-Real"});
}

TEST_CASE("forwarding facts count only from a trusted peer") {
  for (const std::string_view name :
       {"Forwarded", "X-Real-IP", "X-Original-URL", "X-Original-Method", "X-Rewrite-URL",
        "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Forwarded-Proto",
        "X-Forwarded-Host", "X-Forwarded-User", "X-Forwarded", "X-Rewrite-Uri", "forwarded-for"}) {
    CAPTURE(name);
    CHECK(fate_of(name, false) == FieldFate::drop);
    CHECK(fate_of(name, true) == FieldFate::pass);
  }
  each_is(FieldFate::drop, {"X-Forwarded-For", "x-forwarded-for"});  // written by us in any case
}

TEST_CASE("aliases of forwarding facts never count") {
  each_is(FieldFate::drop, {"X_Forwarded_For", "X.Forwarded.For", "X.Real.IP", "X_Original_URL",
                            "X.HTTP.Method.Override", "_Forwarded", "Forwarded.", "X~Forwarded-Proto"});
}

TEST_CASE(
    "a fact known by its beginning may still be an alias: a trusted peer may have passed on a client's") {
  each_is(FieldFate::drop, {"X-Forwarded-For_", "X-Forwarded-Proto_", "X-Forwarded-Proto-", "X-Original-URL_",
                            "X-Original-U.RL", "X-Forwarded-"});
}

TEST_CASE("Connection may not name what guards or frames the request") {
  for (const std::string_view name :
       {"Host", "Authorization", "Content-Length", "Transfer-Encoding", "Cookie", "X-Subject-Id",
        "x_subject_id", "Transfer_Encoding", "host", "COOKIE", "X-Subject", "Host-", "X.Subject.Roles"}) {
    CAPTURE(name);
    CHECK_FALSE(rules.may_be_nominated(name));
    CHECK_FALSE(collects(name));
    CHECK_FALSE(collects("close, X-Other , " + std::string(name)));
  }
}

TEST_CASE("Connection names other fields for removal") {
  const ReadRequest request =
      request_with("Connection: close, X-One ,, keep-alive\r\nConnection: x-two, Upgrade\r\n");
  Nominated nominated;
  REQUIRE(nominated.collect(request.head(), request.buffer(), &rules));
  CHECK(nominated.contains("X-ONE"));
  CHECK(nominated.contains("x-two"));
  CHECK_FALSE(nominated.contains("close"));
  CHECK_FALSE(nominated.contains("Upgrade"));
  CHECK_FALSE(nominated.contains("X-Three"));
}

TEST_CASE("the words of Connection itself name nothing") {
  const ReadRequest request = request_with("Connection: close, Keep-Alive, UPGRADE\r\n");
  Nominated nominated;
  REQUIRE(nominated.collect(request.head(), request.buffer(), &rules));
  CHECK(nominated.empty());
}

TEST_CASE("more nominations than are tracked refuse the message") {
  std::string sixteen = "N0";
  for (int i = 1; i < 16; ++i) sixteen += ",N" + std::to_string(i);
  CHECK(collects(sixteen));
  CHECK_FALSE(collects(sixteen + ",N16"));
  CHECK_FALSE(collects(sixteen + ",N16", nullptr));  // an answer, too
  CHECK(collects(sixteen + ",close,keep-alive"));
}

TEST_CASE("an answer's hop-by-hop fields and framing stay with us") {
  const auto passes = [](std::string_view name) {
    Field field;
    field.known = field_name(name);
    return response_field_passes(field);
  };
  for (const std::string_view name :
       {"Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "TE", "Trailer",
        "Transfer-Encoding", "Content-Length", "Upgrade", "X-Request-Id"}) {
    CAPTURE(name);
    CHECK_FALSE(passes(name));
  }
  for (const std::string_view name :
       {"Content-Type", "Set-Cookie", "Server", "Date", "Via", "WWW-Authenticate", "Location",
        "Sec-WebSocket-Accept", "X-Custom", "ETag"}) {
    CAPTURE(name);
    CHECK(passes(name));
  }
}
