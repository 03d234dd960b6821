// A request that another proxy asks about: who already runs one need not put us in its place.

#pragma once

#include <optional>

#include "conf/config.hpp"
#include "proxy/answer.hpp"
#include "proxy/head.hpp"

namespace postern {

/// Puts the request that is asked about in the place of the one that asks: method, target and host of `head`
/// then stand in its fields. Everything else, the credential too, is the asking request's own, since proxies
/// pass fields on. What is refused: a request that is not named exactly once, or not one that we would read.
/// Then `head` is only good for its framing.
[[nodiscard]] std::optional<Answer> put_asked_request(Decide decide, const char* buffer,
                                                      RequestHead& head) noexcept;

/// The answer in words that the asker understands: nginx takes every status but 401 and 403 for a failure of
/// its own, and lets nobody in then either.
[[nodiscard]] Answer as_understood(Decide decide, Answer answer) noexcept;

}  // namespace postern
