#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "moq/base/bytes.h"
#include "moq/base/result.h"
#include "moq/net/moqt/control.h"
#include "moq/net/moqt/data.h"
#include "moq/net/moqt/draft.h"
#include "moq/net/moqt/namespaces.h"
#include "moq/net/moqt/request.h"

/// Control messages on the wire: `varint type | 16 bit length | body`.
namespace moq::net::moqt {

/// Any control message.
using Message =
    std::variant<Setup, Goaway, MaxRequestId, RequestsBlocked, Subscribe, SubscribeOk,
                 RequestUpdate, Unsubscribe, Publish, PublishDone, Fetch, FetchOk, FetchCancel,
                 TrackStatus, RequestOk, RequestError, PublishStateNotify, PublishNamespace,
                 PublishNamespaceDone, PublishNamespaceCancel, SubscribeNamespace,
                 UnsubscribeNamespace, SubscribeTracks, Namespace, NamespaceDone, PublishBlocked>;

/// A message as it is framed.
struct RawMessage {
  std::uint64_t type = 0;
  Bytes body;
  bool operator==(const RawMessage&) const = default;
};

/// The type of CLIENT_SETUP, the first bytes of a session up to 16; and of SETUP, also the type of
/// the unidirectional stream that it opens, written once.
inline constexpr std::uint64_t kClientSetupType = 0x20;
inline constexpr std::uint64_t kServerSetupType = 0x21;
inline constexpr std::uint64_t kSetupType = kSetupStreamType;

/// Decodes a message. Fails with `decode`, also for a type that `draft` does not have, which all
/// close the session.
Result<Message> decode_message(const RawMessage& raw, Draft draft);

/// The whole message. Fails with `unsupported` if `draft` has no such message, and with
/// `invalid_argument` if it is too long or a number does not fit the draft's integers.
Result<Bytes> encode_message(const Message& message, Draft draft);

/// "SUBSCRIBE", for logs.
std::string_view name_of(const Message& message);

/// Whether `message` asks for something and so, from 17, may be the first of a bidirectional
/// stream.
bool opens_request(const Message& message);

}  // namespace moq::net::moqt
