// The forms of a credential, in Authorization and in the other places (RFC 6750 §2, security.md "Headers").

#include "proxy/credential.hpp"

#include "proxy/head_writer.hpp"
#include "tests/proxy/heads.hpp"

using namespace postern;
using namespace postern::test;
using Form = PresentedCredential::Form;

namespace {

struct Presented {
  Form form;
  std::string secret;
};

Presented presented(const std::string& lines) {
  const ReadRequest request = request_with(lines);
  static const std::vector<CredentialSource> authorization(1);
  DecodedCredential decoded;
  CredentialCut cut;
  const PresentedCredential credential =
      presented_credential(request.head(), request.buffer(), {authorization, {}}, false, decoded, cut);
  return {credential.form, std::string(credential.secret)};
}
Form form_of_value(const std::string& value) {
  return presented("Authorization: " + value + "\r\n").form;
}

}  // namespace

TEST_CASE("one bearer token is read, the scheme in any case") {
  for (const std::string scheme : {"Bearer", "bearer", "BEARER", "bEaReR"})
    for (const std::string secret : {"pst_abc", "a", "A-._~+/9", "abc=", "abc=="}) {
      CAPTURE(scheme);
      CAPTURE(secret);
      const Presented found = presented("authorization: " + scheme + " " + secret + "\r\n");
      CHECK(found.form == Form::bearer);
      CHECK(found.secret == secret);
    }
  CHECK(presented("Authorization: \t Bearer x \t\r\n").secret ==
        "x");  // blanks around a value are no part of it
}

TEST_CASE("nothing is presented without the field, and its aliases are not it") {
  CHECK(presented("").form == Form::absent);
  CHECK(presented("Proxy-Authorization: Bearer x\r\nX-Authorization: Bearer x\r\n").form == Form::absent);
  CHECK(presented("Authorization_: Bearer x\r\n").form == Form::absent);
}

TEST_CASE("another scheme is not for us") {
  for (const std::string value : {"Basic eDp5", "Digest username=\"a\", realm=\"b\"", "Bearerx abc",
                                  "Negotiate", "Token abc", "Basic abc, def"}) {
    CAPTURE(value);
    CHECK(form_of_value(value) == Form::other_scheme);
  }
}

TEST_CASE("what could be read in two ways is malformed") {
  for (const std::string value : {"Bearer",
                                  "Bearer  x",
                                  "Bearer\tx",
                                  "Bearer \tx",
                                  "Bearer x y",
                                  "Bearer x, y",
                                  "Bearer x,Bearer y",
                                  "Bearer,x",
                                  "Bearer =",
                                  "Bearer ==",
                                  "Bearer a=b",
                                  "Bearer =a",
                                  "Bearer \"x\"",
                                  "Bearer x;y",
                                  "Bearer caf\xc3\xa9",
                                  "Bearer x:y",
                                  "Basic abc, Bearer x",
                                  "Basic abc,bearer\tx",
                                  "",
                                  ",Bearer x",
                                  "B@d x",
                                  "Bearer x%41"}) {
    CAPTURE(value);
    CHECK(form_of_value(value) == Form::malformed);
  }
}

TEST_CASE("two fields are malformed, equal or not, whatever their schemes") {
  for (const std::string second : {"Bearer x", "Bearer y", "Basic eDp5", ""}) {
    CAPTURE(second);
    CHECK(presented("Authorization: Bearer x\r\nAuthorization: " + second + "\r\n").form == Form::malformed);
    CHECK(presented("Authorization: " + second + "\r\nA: 1\r\nAUTHORIZATION: Bearer x\r\n").form ==
          Form::malformed);
  }
}

TEST_CASE("malformed is the zero value: what nobody set is refused") {
  CHECK(static_cast<Form>(0) == Form::malformed);
}

namespace {

const std::vector<CredentialSource> everywhere = {{CredentialPlace::authorization, ""},
                                                  {CredentialPlace::header, "X-API-Key"},
                                                  {CredentialPlace::cookie, "session"},
                                                  {CredentialPlace::query, "access_token"},
                                                  {CredentialPlace::websocket_protocol, "postern.bearer"}};

struct Ruled {
  Form form;
  std::string secret;
  std::string forwarded;  ///< query and lines of the rewritten head that the client sent
};

/// `query` with its '?'. The rewritten head is stripped of what we always add.
Ruled ruled(const std::string& query, const std::string& lines, const CredentialSources& sources,
            bool handshake = false) {
  const ReadRequest request("GET /a" + query + " HTTP/1.1\r\nHost: h\r\n" + lines + "\r\n");
  DecodedCredential decoded;
  RequestRewrite rewrite;
  const PresentedCredential credential = presented_credential(request.head(), request.buffer(), sources,
                                                              handshake, decoded, rewrite.credential_cut);
  rewrite.path = "/a";
  static char out[limits::head_bytes_max];
  TextWriter writer(out);
  if (write_request_head(request.head(), request.buffer(), HeaderRules("X-Subject-"), rewrite, writer) !=
      RewriteError::none)
    return {Form::malformed, {}, "refused"};
  std::string text(writer.view());
  const std::size_t begin = text.find("Host: \r\n");
  const std::string target = text.substr(4, text.find(" HTTP/1.1") - 4);
  text = text.substr(begin + 8, text.find("X-Forwarded-Proto") - begin - 8);
  return {credential.form, std::string(credential.secret), target + " " + text};
}
Ruled ruled(const std::string& query, const std::string& lines) {
  return ruled(query, lines, {everywhere, {}}, true);
}

}  // namespace

TEST_CASE("a credential in another place is read, and only it is cut out") {
  struct Row {
    std::string query, lines, secret, forwarded;
  };
  const std::vector<Row> rows = {
      {"", "X-API-Key: abc\r\nA: b\r\n", "abc", "/a A: b\r\n"},
      {"", "x-api-KEY:abc=\r\nX.API.Key: other\r\nX-API-Key_: third\r\n", "abc=", "/a "},
      {"", "Cookie: session=abc\r\n", "abc", "/a "},
      {"", "Cookie: a=1; session=abc; b=2\r\n", "abc", "/a Cookie: a=1; b=2\r\n"},
      {"", "Cookie:session=abc;  b=2\r\n", "abc", "/a Cookie:b=2\r\n"},
      {"", "Cookie: a=1;b=\"2\"; session=abc==\r\n", "abc==", "/a Cookie: a=1;b=\"2\"\r\n"},
      {"", "cookie: a=1\r\ncookie: session=abc; \r\n", "abc", "/a cookie: a=1\r\n"},
      {"", "Cookie: Session=x; session=abc; xsession=y; session2=z\r\nCookie.: session=abc\r\n", "abc",
       "/a Cookie: Session=x; xsession=y; session2=z\r\n"},
      {"?access_token=abc", "", "abc", "/a "},
      {"?a=%31&access_token=abc&b", "", "abc", "/a?a=%31&b "},
      {"?access_token=abc&b=?&&", "", "abc", "/a?b=?&& "},
      {"?b=access_token=x&access_token=a/c~", "", "a/c~", "/a?b=access_token=x "},
      {"?%61ccess%5Ftoken=a%2bb%3D=", "", "a+b==", "/a "},
      {"?Access_token=x&access_token=a%2Fb", "", "a/b", "/a?Access_token=x "},
      {"?access_token%3D=x&%=&access_tok%6=&access_token=abc", "", "abc",
       "/a?access_token%3D=x&%=&access_tok%6= "},
      {"", "Sec-WebSocket-Protocol: chat, postern.bearer.a.b\r\n", "a.b",
       "/a Sec-WebSocket-Protocol: chat\r\n"},
      {"", "Sec-WebSocket-Protocol: postern.bearer.abc , chat,\tx\r\n", "abc",
       "/a Sec-WebSocket-Protocol: chat,\tx\r\n"},
      {"", "Sec-WebSocket-Protocol: chat\r\nsec-websocket-protocol: , postern.bearer.abc\r\n", "abc",
       "/a Sec-WebSocket-Protocol: chat\r\n"},
      {"", "Sec-WebSocket-Protocol: postern.bearers, x, postern.bearer.abc\r\n", "abc",
       "/a Sec-WebSocket-Protocol: postern.bearers, x\r\n"},
      {"?a", "Authorization: Bearer abc\r\nCookie: a=1\r\n", "abc", "/a?a Cookie: a=1\r\n"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.query);
    CAPTURE(row.lines);
    const Ruled found = ruled(row.query, row.lines);
    CHECK(found.form == Form::bearer);
    CHECK(found.secret == row.secret);
    CHECK(found.forwarded == row.forwarded);
  }
}

TEST_CASE("two credentials at once, repeated or malformed ones are refused") {
  const std::string bearer = "Authorization: Bearer abc\r\n";
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"?access_token=abc", bearer},
      {"?access_token=abc", "X-API-Key: abc\r\n"},
      {"", "Authorization: Basic YTpi\r\nX-API-Key: abc\r\n"},
      {"", "X-API-Key: abc\r\nCookie: session=abc\r\n"},
      {"", bearer + "Cookie: session=\r\n"},
      {"", bearer + "Sec-WebSocket-Protocol: postern.bearer.abc\r\n"},
      {"", "X-API-Key: abc\r\nx-api-key: abc\r\n"},
      {"", "X-API-Key:\r\n"},
      {"", "X-API-Key: a b\r\n"},
      {"", "X-API-Key: a,b\r\n"},
      {"", "X-API-Key: Bearer abc\r\n"},
      {"", "X-API-Key: caf\xc3\xa9\r\n"},
      {"", "X-API-Key: abc\r\nConnection: X_API_KEY\r\n"},
      {"", "Connection: x-api-key\r\n"},
      {"", "Cookie: session=abc; session=abc\r\n"},
      {"", "Cookie: session=abc\r\nCookie: session=def\r\n"},
      {"", "Cookie: session\r\n"},
      {"", "Cookie: a=1; session=; b=2\r\n"},
      {"", "Cookie: session =abc\r\n"},
      {"", "Cookie: session= abc\r\n"},
      {"", "Cookie: session=\"abc\"\r\n"},
      {"", "Cookie: session=abc, b=2\r\n"},
      {"", "Cookie: session=a%41\r\n"},
      {"?access_token=abc&access_token=abc", ""},
      {"?access_token=abc&%61ccess_token=abc", ""},
      {"?access_token", ""},
      {"?access_token=", ""},
      {"?access_token==", ""},
      {"?access_token=a+b", ""},
      {"?access_token=a%20b", ""},
      {"?access_token=a%00", ""},
      {"?access_token=a%4", ""},
      {"?access_token=a%zz", ""},
      {"?access_token=a%2541", ""},
      {"?access_token=a=b", ""},
      {"?access_token=a;access_token=b", ""},
      {"", "Sec-WebSocket-Protocol: postern.bearer\r\n"},
      {"", "Sec-WebSocket-Protocol: postern.bearer.\r\n"},
      {"", "Sec-WebSocket-Protocol: postern.bearer.a b\r\n"},
      {"", "Sec-WebSocket-Protocol: postern.bearer.a, postern.bearer.a\r\n"},
  };
  for (const auto& [query, lines] : rows) {
    CAPTURE(query);
    CAPTURE(lines);
    CHECK(ruled(query, lines).form == Form::malformed);
  }
  CHECK(ruled("", "Sec-WebSocket-Protocol: postern.bearer.abc\r\n", {everywhere, {}}, false).form ==
        Form::malformed);
}

TEST_CASE("a rule's list decides what is accepted, both lists what is cut") {
  const std::vector<CredentialSource> general = {{CredentialPlace::authorization, ""},
                                                 {CredentialPlace::header, "X-API-Key"}};
  const std::vector<CredentialSource> own = {{CredentialPlace::cookie, "session"}};
  const CredentialSources sources{general, own};
  CHECK(ruled("", "Cookie: session=abc\r\n", sources).secret == "abc");
  const Ruled key = ruled("", "X-API-Key: abc\r\nA: b\r\n", sources);
  CHECK(key.form == Form::absent);
  CHECK(key.forwarded == "/a A: b\r\n");
  CHECK(ruled("", "Authorization: Bearer abc\r\n", sources).form == Form::absent);
  CHECK(ruled("", "X-API-Key: abc\r\nCookie: session=abc\r\n", sources).form == Form::malformed);
  // Without such a rule, the cookie is the application's.
  const Ruled cookie = ruled("", "Cookie: session=abc\r\n", {general, {}});
  CHECK(cookie.form == Form::absent);
  CHECK(cookie.forwarded == "/a Cookie: session=abc\r\n");
  const std::vector<CredentialSource> both = {{CredentialPlace::header, "X-API-Key"}};
  CHECK(ruled("", "X-API-Key: abc\r\n", {general, both}).form == Form::bearer);  // looked for once
}

TEST_CASE("a value that no token can have is too long, not malformed") {
  const std::string longer(limits::credential_bytes_max + 50, 'a');
  CHECK(ruled("?access_token=" + longer, "").secret.size() > limits::credential_bytes_max);
  CHECK(ruled("?access_token=" + longer + "%20", "").form == Form::malformed);
  CHECK(ruled("", "X-API-Key: " + longer + "\r\n").secret == longer);
}
