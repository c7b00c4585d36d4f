#include "moq/net/moqt/message.h"

#include <algorithm>
#include <array>
#include <limits>
#include <type_traits>
#include <utility>

namespace moq::net::moqt {
namespace {

using Kind = std::optional<RequestKind>;
using Decode = Result<Message, DecodeError> (*)(Reader& in, Draft draft, Kind kind);

template <typename M>
Result<Message, DecodeError> decode_as(Reader& in, Draft draft, Kind kind) {
  auto message = [&] {
    if constexpr (std::is_same_v<M, RequestOk> || std::is_same_v<M, RequestError>) {
      return M::decode(in, draft, kind);
    } else {
      return M::decode(in, draft);
    }
  }();
  if (!message) return std::unexpected(message.error());
  return Message(*std::move(message));
}

template <Role kSender>
Result<Message, DecodeError> decode_setup(Reader& in, Draft draft, Kind) {
  auto setup = Setup::decode(in, draft, kSender);
  if (!setup) return std::unexpected(setup.error());
  return Message(*std::move(setup));
}

template <typename M>
bool is(const Message& message) {
  return std::holds_alternative<M>(message);
}

bool is_client_setup(const Message& message) {
  const auto* setup = std::get_if<Setup>(&message);
  return setup != nullptr && setup->sender == Role::client;
}

/// A type number: where it is valid, and what it stands for there.
struct Row {
  std::uint64_t type = 0;
  Draft first = Draft::d14;
  Draft last = Draft::d22;
  Decode decode = nullptr;
  bool (*matches)(const Message& message) = nullptr;
  /// Of an answer: the request that this type answers, if it tells.
  Kind kind = std::nullopt;
};

template <typename M>
constexpr Row row(std::uint64_t type, Draft first = Draft::d14, Draft last = Draft::d22,
                  Kind kind = std::nullopt) {
  return {.type = type,
          .first = first,
          .last = last,
          .decode = decode_as<M>,
          .matches = is<M>,
          .kind = kind};
}

/// An answer of draft 14 alone.
template <typename M>
constexpr Row reply_14(std::uint64_t type, RequestKind kind) {
  return row<M>(type, Draft::d14, Draft::d14, kind);
}

/// For sending, the first row that fits is taken: types that tell the request come before 0x07,
/// and CLIENT_SETUP before SERVER_SETUP.
constexpr std::array kRows{
    row<RequestUpdate>(0x02),
    row<Subscribe>(0x03),
    row<SubscribeOk>(0x04),
    reply_14<RequestError>(0x05, RequestKind::subscribe),
    row<RequestError>(0x05, Draft::d15),
    row<PublishNamespace>(0x06),
    reply_14<RequestOk>(0x07, RequestKind::publish_namespace),
    reply_14<RequestOk>(0x0e, RequestKind::track_status),
    reply_14<RequestOk>(0x12, RequestKind::subscribe_namespace),
    row<RequestOk>(0x1e, Draft::d14, Draft::d17, RequestKind::publish),
    row<RequestOk>(0x07, Draft::d15),
    reply_14<RequestError>(0x08, RequestKind::publish_namespace),
    reply_14<RequestError>(0x0f, RequestKind::track_status),
    reply_14<RequestError>(0x13, RequestKind::subscribe_namespace),
    reply_14<RequestError>(0x19, RequestKind::fetch),
    reply_14<RequestError>(0x1f, RequestKind::publish),
    row<Namespace>(0x08, Draft::d16),
    row<PublishNamespaceDone>(0x09, Draft::d14, Draft::d16),
    row<Unsubscribe>(0x0a, Draft::d14, Draft::d16),
    row<PublishDone>(0x0b),
    row<PublishNamespaceCancel>(0x0c, Draft::d14, Draft::d16),
    row<TrackStatus>(0x0d),
    row<NamespaceDone>(0x0e, Draft::d16),
    row<PublishBlocked>(0x0f, Draft::d17),
    row<Goaway>(0x10),
    row<SubscribeNamespace>(0x11, Draft::d14, Draft::d17),
    row<SubscribeNamespace>(0x50, Draft::d18),
    row<SubscribeTracks>(0x51, Draft::d18),
    row<UnsubscribeNamespace>(0x14, Draft::d14, Draft::d15),
    row<MaxRequestId>(0x15, Draft::d14, Draft::d16),
    row<Fetch>(0x16),
    row<FetchCancel>(0x17, Draft::d14, Draft::d16),
    row<FetchOk>(0x18),
    row<RequestsBlocked>(0x1a, Draft::d14, Draft::d16),
    row<Publish>(0x1d),
    Row{.type = kClientSetupType,
        .last = Draft::d16,
        .decode = decode_setup<Role::client>,
        .matches = is_client_setup},
    Row{.type = kServerSetupType,
        .last = Draft::d16,
        .decode = decode_setup<Role::server>,
        .matches = is<Setup>},
    row<PublishStateNotify>(0x22, Draft::d20),
    row<Setup>(kSetupType, Draft::d17),
};

bool is_valid(const Row& row, Draft draft) { return draft >= row.first && draft <= row.last; }

Kind kind_of(const Message& message) {
  if (const auto* ok = std::get_if<RequestOk>(&message)) return ok->kind;
  if (const auto* error = std::get_if<RequestError>(&message)) return error->kind;
  return std::nullopt;
}

const Row* row_to_send(const Message& message, Draft draft) {
  const Kind kind = kind_of(message);
  const auto found = std::ranges::find_if(kRows, [&](const Row& row) {
    return is_valid(row, draft) && row.matches(message) && (!row.kind || row.kind == kind);
  });
  return found == kRows.end() ? nullptr : &*found;
}

}  // namespace

Result<Message> decode_message(const RawMessage& raw, Draft draft) {
  const auto found = std::ranges::find_if(
      kRows, [&](const Row& row) { return row.type == raw.type && is_valid(row, draft); });
  if (found == kRows.end()) {
    return std::unexpected(to_error(DecodeError::unknown, "type of a control message"));
  }
  Reader in = reader_of(raw.body, draft);
  auto message = found->decode(in, draft, found->kind);
  if (!message) {
    return std::unexpected(
        to_error(message.error(), "control message " + std::to_string(raw.type)));
  }
  return *std::move(message);
}

Result<Bytes> encode_message(const Message& message, Draft draft) {
  const std::string name(name_of(message));
  const Row* row = row_to_send(message, draft);
  if (row == nullptr) return fail(Code::unsupported, to_string(draft) + " has no such " + name);
  Writer body = writer_of(draft);
  std::visit([&](const auto& fields) { fields.encode(body, draft); }, message);
  constexpr std::size_t kMax = std::numeric_limits<std::uint16_t>::max();
  if (body.size() > kMax) return fail(Code::invalid_argument, name + " is too long");
  if (!body.ok()) return fail(Code::invalid_argument, "a number in " + name + " is too large");
  Writer out = writer_of(draft);
  out.varint(row->type).u16(static_cast<std::uint16_t>(body.size())).bytes(body.span());
  return out.take();
}

std::string_view name_of(const Message& message) {
  return std::visit([](const auto& fields) { return fields.kName; }, message);
}

bool opens_request(const Message& message) {
  return is<Subscribe>(message) || is<Publish>(message) || is<Fetch>(message) ||
         is<TrackStatus>(message) || is<PublishNamespace>(message) ||
         is<SubscribeNamespace>(message) || is<SubscribeTracks>(message);
}

}  // namespace moq::net::moqt
