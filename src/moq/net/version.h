#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "moq/base/result.h"
#include "moq/base/wire.h"

namespace moq::net {

/// The protocol versions that we speak, oldest first.
enum class Version : std::uint8_t {
  lite_01,
  lite_02,
  lite_03,
  lite_04,
  lite_05,
  lite_06,
  lite_07_wip,  ///< Changes without notice; only when asked for by name.
  moqt_14,      ///< IETF moq-transport, by draft.
  moqt_15,
  moqt_16,
  moqt_17,
  moqt_18,
  moqt_19,
  moqt_20,
  moqt_21,
  moqt_22,
};

/// Of moq-transport, not of moq-lite.
constexpr bool is_moqt(Version version) { return version >= Version::moqt_14; }
/// The number of a moq-transport draft, 14 to 22.
constexpr std::uint8_t draft_number(Version version) {
  constexpr int kFirst = 14 - std::to_underlying(Version::moqt_14);
  return static_cast<std::uint8_t>(kFirst + std::to_underlying(version));
}

/// The version's own name, "moq-lite-06", "moqt-18".
std::string_view to_string(Version version);
/// The name in TLS ALPN and in WebTransport's protocol headers; 01 and 02 share "moql"; moqt-14's
/// is "moq-00".
std::string_view alpn_name(Version version);
/// The number in the legacy SETUP exchange.
std::uint64_t setup_code(Version version);

/// Reads a version's own name; Rust's "moq-transport-18", too. Fails with `bad_config`.
Result<Version> parse_version(std::string_view name);

/// What an endpoint offers unless told otherwise, best first: 06 down to 01.
std::span<const Version> default_versions();
/// "moq-lite-06, moq-lite-05", for errors.
std::string list_of(std::span<const Version> versions);
/// The names to offer for `versions`, in their order, each once.
std::vector<std::string_view> alpn_names(std::span<const Version> versions);

/// The version that the transport agreed on, out of `enabled`; none if `protocol` is "moql" or
/// empty: then the legacy SETUP exchange picks one. "moq-00" means `moqt_14`, and has that exchange
/// too. Fails with `version` if nothing fits.
Result<std::optional<Version>> version_of_protocol(std::string_view protocol,
                                                   std::span<const Version> enabled);
/// The version with this number in the legacy SETUP exchange, if it is one of `enabled` that is
/// negotiated there.
std::optional<Version> version_of_setup_code(std::uint64_t code, std::span<const Version> enabled);

/// How integers of a moq-lite session are written; see `moqt::varint_kind` for moq-transport.
constexpr Varint varint_kind(Version version) {
  return version >= Version::lite_07_wip ? Varint::leading_ones : Varint::quic;
}

/// Client and server greet each other on the first bidirectional stream, and agree there on one of
/// these versions.
constexpr bool has_legacy_setup(Version version) {
  return version <= Version::lite_02 || version == Version::moqt_14;
}
/// Each side sends a SETUP on its first unidirectional stream.
constexpr bool has_setup_stream(Version version) {
  return is_moqt(version) ? version >= Version::moqt_17 : version >= Version::lite_05;
}
/// A SETUP of the peer comes while the session runs already, or starts to.
constexpr bool has_greeting(Version version) {
  return is_moqt(version) || has_setup_stream(version);
}

// All below, but for GOAWAY, is about moq-lite.

/// The initial announcements come in one ANNOUNCE_INIT.
constexpr bool has_announce_init(Version version) { return version <= Version::lite_02; }
/// ANNOUNCE_OK tells the sender's hop and the size of the initial set.
constexpr bool has_announce_ok(Version version) { return version >= Version::lite_05; }
/// Announcements tell the number of hops.
constexpr bool has_hop_count(Version version) { return version >= Version::lite_03; }
/// Announcements name the hops.
constexpr bool has_hop_ids(Version version) { return version >= Version::lite_04; }
/// The receiver of an announcement appends the sender's hop; up to 04 the sender did.
constexpr bool receiver_adds_hop(Version version) { return version >= Version::lite_05; }
/// ANNOUNCE_REQUEST names a hop whose routes are left out.
constexpr bool has_exclude_hop(Version version) {
  return version == Version::lite_04 || version == Version::lite_05;
}
/// A live announcement may change its route.
constexpr bool has_announce_update(Version version) { return version >= Version::lite_05; }
/// Announcements are numbered; START, END and UPDATE replace ANNOUNCE.
constexpr bool has_announce_ids(Version version) { return version >= Version::lite_06; }
/// Announcements carry a warm and a cold cost.
constexpr bool has_route_costs(Version version) { return version >= Version::lite_06; }
/// Announcements may refer to earlier ones for their path and chain.
constexpr bool has_announce_compression(Version version) { return version >= Version::lite_07_wip; }
/// ANNOUNCE_REQUEST may ask for hidden routes.
constexpr bool has_hidden_request(Version version) { return version >= Version::lite_07_wip; }

/// SUBSCRIBE names a max age and groups, and SUBSCRIBE_UPDATE changes them.
constexpr bool has_group_range(Version version) { return version >= Version::lite_03; }
/// A dead byte follows each priority of a subscription.
constexpr bool has_ordered_byte(Version version) {
  return version >= Version::lite_03 && version <= Version::lite_05;
}
/// The first group is a plain number, 0 meaning no floor.
constexpr bool has_raw_group_start(Version version) { return version >= Version::lite_06; }
/// Ranges begin and end at frames.
constexpr bool has_frame_range(Version version) { return version >= Version::lite_06; }
/// SUBSCRIBE_OK is the first answer.
constexpr bool has_subscribe_ok(Version version) { return version <= Version::lite_04; }
/// Answers to SUBSCRIBE begin with a type.
constexpr bool has_answer_types(Version version) { return version >= Version::lite_03; }
/// SUBSCRIBE_START and SUBSCRIBE_END are the answers; a refusal is a reset.
constexpr bool has_subscribe_end(Version version) { return version >= Version::lite_05; }
/// SUBSCRIBE_END counts the streams opened.
constexpr bool has_end_stream_count(Version version) { return version >= Version::lite_07_wip; }
constexpr bool has_subscribe_drop(Version version) {
  return version >= Version::lite_03 && version <= Version::lite_06;
}

/// TRACK asks for a track's properties.
constexpr bool has_track_info(Version version) { return version >= Version::lite_05; }
constexpr bool has_fetch(Version version) { return version >= Version::lite_05; }
constexpr bool has_datagrams(Version version) { return version >= Version::lite_05; }
/// Each frame tells its presentation time.
constexpr bool has_frame_timestamps(Version version) { return version >= Version::lite_05; }

constexpr bool has_probe(Version version) { return version >= Version::lite_03; }
constexpr bool has_probe_rtt(Version version) { return version >= Version::lite_04; }
constexpr bool has_goaway(Version version) { return version >= Version::lite_04; }

}  // namespace moq::net
