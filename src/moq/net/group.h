#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "moq/base/bytes.h"
#include "moq/base/result.h"
#include "moq/kio/task.h"
#include "moq/net/limits.h"

namespace moq::net::group {

struct State;

/// A share in reading a group: the writer of a fetched group learns when the last one goes.
class Reading {
 public:
  explicit Reading(std::shared_ptr<State> state);
  Reading(Reading&&) noexcept = default;
  Reading& operator=(Reading&& other) noexcept;
  ~Reading();
  State* operator->() const { return state_.get(); }
  [[nodiscard]] const std::shared_ptr<State>& state() const { return state_; }

 private:
  void release();
  std::shared_ptr<State> state_;
};

}  // namespace moq::net::group

namespace moq::net::frame {

/// What is known of a frame before its payload.
struct Info {
  std::uint64_t timestamp = 0;   ///< Presentation time, in units of the track's timescale.
  std::uint64_t size_bytes = 0;  ///< Of the payload.
  bool operator==(const Info&) const = default;
};

/// Writes one frame's payload in parts. Dropping it before all announced bytes were written aborts
/// the group with `wrong_size`.
class Producer {
 public:
  Producer(std::shared_ptr<group::State> state, std::size_t index, std::uint64_t size_bytes,
           std::uint64_t skip_bytes);
  Producer(Producer&&) noexcept = default;
  Producer& operator=(Producer&&) = delete;
  ~Producer();

  /// Appends to the payload. Fails with `wrong_size` beyond the announced size, or where it differs
  /// from what the group holds already, and with `group_too_large` beyond `kMaxGroupChunks` parts;
  /// each aborts the group.
  Result<void> write(Bytes data);
  /// Bytes still to come.
  [[nodiscard]] std::uint64_t remaining() const { return remaining_; }
  /// Ends the handle: `wrong_size` if bytes are missing.
  Result<void> finish() &&;
  /// Leaves the frame incomplete, for a resumed writer.
  void suspend() &&;

 private:
  std::shared_ptr<group::State> state_;
  std::size_t index_;
  std::uint64_t remaining_;
  std::uint64_t skip_;  ///< Leading bytes that the group holds already.
};

/// Reads one frame's payload while it comes.
class Consumer {
 public:
  Consumer(std::shared_ptr<group::State> state, std::size_t index, Info info);

  [[nodiscard]] const Info& info() const { return info_; }
  /// The next part; empty at the end. Fails with the group's error.
  kio::Poll<Result<Bytes>> poll_read(const kio::Waiter& waiter);
  /// What `poll_read` has not given yet, once all of it is there.
  kio::Poll<Result<Bytes>> poll_read_all(const kio::Waiter& waiter);

 private:
  group::Reading state_;
  std::size_t index_;
  Info info_;
  std::size_t chunk_ = 0;
};

}  // namespace moq::net::frame

namespace moq::net::group {

class Consumer;

/// Writes one group, frame after frame. Dropping an unfinished one aborts the group as cancelled.
/// Handles of the model may be moved between threads; each is used by one thread at a time.
class Producer {
 public:
  explicit Producer(std::shared_ptr<State> state);
  Producer(Producer&&) noexcept = default;
  Producer& operator=(Producer&& other) noexcept;
  ~Producer();

  [[nodiscard]] std::uint64_t sequence() const;
  /// Where this writer starts: frames before `index` come from elsewhere (lite 06, frame_start).
  /// Fails if the group lacks frames below it. Call it before the first frame.
  Result<void> start_at(std::uint64_t index);
  /// Appends a whole frame. Fails with `frame_too_large`, `group_too_large` (which also aborts the
  /// group), or the group's error once it was aborted.
  Result<void> write_frame(std::uint64_t timestamp, Bytes payload);
  /// Begins a frame whose payload comes in parts; readers see them as they come. In a resumed group
  /// a frame that is there already is compared and skipped: `wrong_size` if it differs.
  Result<frame::Producer> create_frame(const frame::Info& info);
  /// In a resumed group, the next frame as an earlier writer began it; else none.
  [[nodiscard]] std::optional<frame::Info> resumed_frame() const;
  /// Ends the group cleanly.
  void finish() &&;
  /// Ends the group with an error for its readers.
  void abort(const Error& error) &&;
  /// Leaves the group as it is, for another writer to resume (`track::Producer::create_group`).
  void suspend() &&;
  [[nodiscard]] Consumer consume() const;
  /// Ready, with its error, once the group was aborted by somebody else: aged out, say.
  kio::Poll<Error> poll_aborted(const kio::Waiter& waiter) const;
  /// Ready once a fetched group has no readers left. Never for a group of a track, which is cached
  /// for readers to come.
  kio::Poll<kio::Unit> poll_unused(const kio::Waiter& waiter) const;

 private:
  std::shared_ptr<State> state_;
  std::size_t next_index_ = 0;
};

/// A piece of a group, as it came: the unit in which groups are forwarded.
struct Chunk {
  std::optional<frame::Info> begins;  ///< Set on the first piece of a frame (which may be empty).
  Bytes data;
  std::size_t frame_index = 0;
};

/// Reads one group from its first frame, while it grows. A reader that falls so far behind that the
/// group leaves the cache gets the group's error, `old` or `evicted`.
class Consumer {
 public:
  explicit Consumer(std::shared_ptr<State> state);
  /// Another reader, from the first frame.
  [[nodiscard]] Consumer clone() const { return Consumer(state_.state()); }

  [[nodiscard]] std::uint64_t sequence() const;
  /// The next piece; none at the clean end. Fails with the group's error once aborted.
  kio::Poll<Result<std::optional<Chunk>>> poll_chunk(const kio::Waiter& waiter);
  /// The next frame, as soon as it has begun; none at the clean end.
  kio::Poll<Result<std::optional<frame::Consumer>>> poll_next_frame(const kio::Waiter& waiter);
  /// The next frame, whole; none at the clean end. Joins parts, so a frame that came in one piece
  /// is not copied.
  kio::Poll<Result<std::optional<std::pair<frame::Info, Bytes>>>> poll_read_frame(
      const kio::Waiter& waiter);
  /// Skips to frame `index`; only before reading.
  void start_at(std::size_t index) { frame_ = index; }
  /// The timestamp of the group's first frame, once it has one.
  [[nodiscard]] std::optional<std::uint64_t> first_timestamp() const;
  [[nodiscard]] bool finished() const;
  /// Frames that have begun so far.
  [[nodiscard]] std::size_t frames() const;
  /// Why the group can be read no further, once it was aborted.
  [[nodiscard]] std::optional<Error> error() const;
  /// Ready, with its error, once the group was aborted: aged out, say. Without reading.
  kio::Poll<Error> poll_aborted(const kio::Waiter& waiter) const;

  auto chunk() {
    return kio::wait([this](const kio::Waiter& waiter) { return poll_chunk(waiter); });
  }
  auto next_frame() {
    return kio::wait([this](const kio::Waiter& waiter) { return poll_next_frame(waiter); });
  }
  auto read_frame() {
    return kio::wait([this](const kio::Waiter& waiter) { return poll_read_frame(waiter); });
  }

 private:
  void next();
  Reading state_;
  std::size_t frame_ = 0;  ///< The frame of the next chunk,
  std::size_t chunk_ = 0;  ///< and the chunk in it.
  bool begun_ = false;     ///< That frame's `Info` was reported.
};

}  // namespace moq::net::group
