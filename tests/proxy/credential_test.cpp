// The forms of an Authorization field (RFC 6750 §2.1, security.md "Headers").

#include "proxy/credential.hpp"

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
  const PresentedCredential credential = presented_credential(request.head(), request.buffer());
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
