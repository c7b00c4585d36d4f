#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "moq/base/bytes.h"
#include "moq/base/result.h"
#include "moq/net/lite/announce.h"
#include "moq/net/path.h"
#include "moq/net/version.h"

/// What the messages of one announce stream mean in sequence, alike for all versions: each live
/// announcement has an id, counting from 0 in the order of their coming (on the wire from 06).
namespace moq::net::lite {

/// A route as it is announced: without the hop of ANNOUNCE_OK.
struct AnnouncedRoute {
  HopChain hops;     ///< On 01 and 02 always empty, on 03 zeros.
  RouteCosts costs;  ///< Before 06: warm 0, cold the maximum.
  bool operator==(const AnnouncedRoute&) const = default;
};

/// A change of what is announced.
struct AnnounceEvent {
  enum class Kind : std::uint8_t { start, update, end };
  Kind kind = Kind::start;
  std::uint64_t id = 0;
  Path suffix;           ///< Below the prefix that was asked for.
  AnnouncedRoute route;  ///< Not at `end`.
  bool operator==(const AnnounceEvent&) const = default;
};

namespace detail {

/// The live announcements of one stream, by id.
class AnnounceTable {
 public:
  AnnounceTable() = default;
  AnnounceTable(AnnounceTable&&) noexcept = default;
  AnnounceTable& operator=(AnnounceTable&&) noexcept = default;

  struct Entry {
    Path suffix;
    HopChain hops;
    [[nodiscard]] std::uint64_t held_bytes() const;
  };
  [[nodiscard]] std::uint64_t next_id() const { return next_id_; }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  /// What the entries hold, counted towards `kMaxAnnouncedBytes`.
  [[nodiscard]] std::uint64_t held_bytes() const { return held_bytes_; }
  [[nodiscard]] const Entry* find(std::uint64_t id) const;
  [[nodiscard]] std::optional<std::uint64_t> id_of(const Path& suffix) const;
  std::uint64_t add(Path suffix, HopChain hops);
  void set_hops(std::uint64_t id, HopChain hops);
  /// Retires `id` and returns its suffix.
  Path remove(std::uint64_t id);

 private:
  std::unordered_map<std::uint64_t, Entry> entries_;
  std::unordered_map<std::string_view, std::uint64_t> ids_;  ///< The text is that of the entry.
  std::uint64_t next_id_ = 0;
  std::uint64_t held_bytes_ = 0;
};

}  // namespace detail

/// Reads announcements. All failures end the session: `decode` or `protocol_violation`.
class AnnounceDecoder {
 public:
  explicit AnnounceDecoder(Version version) : version_(version) {}

  /// Takes in one announcement. `type` is its type, from 06; ignored before. Nothing comes out for
  /// an end, up to 05, of what is not announced.
  Result<std::optional<AnnounceEvent>> decode(std::uint64_t type, ByteSpan body);
  /// Takes in the initial set of 01 and 02.
  Result<std::vector<AnnounceEvent>> init(const AnnounceInit& message);

  /// Announcements that are live.
  [[nodiscard]] std::size_t size() const { return table_.size(); }

 private:
  Result<std::optional<AnnounceEvent>> apply(Announce message);
  Result<std::optional<AnnounceEvent>> apply(AnnounceStart message);
  Result<std::optional<AnnounceEvent>> apply(AnnounceUpdate message);
  Result<std::optional<AnnounceEvent>> apply(AnnounceEnd message);
  template <typename M>
  Result<std::optional<AnnounceEvent>> decode_as(ByteSpan body);
  Result<AnnounceEvent> start(Path suffix, AnnouncedRoute route);
  [[nodiscard]] Result<Path> resolve(const PathRef& ref) const;
  [[nodiscard]] Result<HopChain> resolve(const HopsRef& ref) const;
  [[nodiscard]] Result<const detail::AnnounceTable::Entry*> base_of(std::uint64_t distance) const;
  [[nodiscard]] Result<void> check_room(std::uint64_t more_bytes) const;

  Version version_;
  detail::AnnounceTable table_;
};

/// Writes announcements: each call returns what to send, which is nothing where the version cannot
/// say it. Keeps as little of them as the version allows, since a relay has one for each of its
/// watchers: up to 05 their suffixes, on 06 nothing, on 07 the latest few.
class AnnounceEncoder {
 public:
  explicit AnnounceEncoder(Version version) : version_(version) {}

  struct Started {
    std::uint64_t id;
    Bytes message;
  };
  /// Announces `suffix`, which must not be live on this stream. `route.hops` is the wire's chain:
  /// see `sent_chain`.
  Started start(const Path& suffix, const AnnouncedRoute& route);
  /// Changes the route of a live `id`; empty up to 04.
  Bytes update(std::uint64_t id, const AnnouncedRoute& route);
  /// Retires a live `id`.
  Bytes end(std::uint64_t id);

  /// Announcements that are live.
  [[nodiscard]] std::size_t size() const { return live_; }

 private:
  /// What later announcements may refer to.
  struct Recent {
    Path suffix;
    HopChain hops;
    bool live = true;
  };
  [[nodiscard]] const Recent* recent(std::uint64_t distance) const;
  [[nodiscard]] PathRef compress(const Path& suffix) const;
  [[nodiscard]] HopsRef compress(const HopChain& hops) const;
  template <typename M>
  [[nodiscard]] Bytes framed(const M& message) const;

  Version version_;
  std::uint64_t next_id_ = 0;
  std::size_t live_ = 0;
  std::unordered_map<std::uint64_t, Path> suffixes_;  ///< Of live ones, up to 05.
  // Not a deque, which takes half a kilobyte before there is anything in it.
  std::vector<Recent> recent_;  ///< On 07: the last ids, the newest at the end.
};

}  // namespace moq::net::lite
