#pragma once

#include <pthread.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "moq/av/codecs.h"
#include "moq/base/log.h"
#include "moq/kio/task.h"
#include "moq/kio/waiter.h"

namespace moq::capi {

/// Packets that wait for a decoder. What comes beyond stays with the track, which lets go of what
/// gets too old.
inline constexpr std::size_t kMaxWaitingPackets = 8;
/// Decoded frames that wait for the application's callback: pictures are large.
inline constexpr std::size_t kMaxDecodedFrames = 4;

/// Decodes on a thread of its own, as nothing that takes long runs on the library's. `Decoder` is
/// one of `moq::av`, `Out` what it makes. Its handle belongs to the library's thread.
template <typename Decoder, typename Out>
class CodecWorker {
 public:
  /// Opens the decoder; called on the new thread.
  using Open = std::move_only_function<Result<Decoder>()>;

  static Result<CodecWorker> start(Open open) {
    auto state = std::make_unique<State>();
    try {
      std::thread thread([state = state.get(), open = std::move(open)]() mutable {
        state->end(state->work(open));
      });
      pthread_setname_np(thread.native_handle(), "moq-codec");
      return CodecWorker(std::move(state), std::move(thread));
    } catch (const std::system_error& error) {
      return fail(Code::io, std::string("no thread for a decoder: ") + error.what());
    }
  }
  CodecWorker(CodecWorker&&) noexcept = default;
  CodecWorker& operator=(CodecWorker&&) = delete;
  /// Waits for the packet that is being decoded; await `poll_ended` first where that matters.
  ~CodecWorker() {
    if (!state_) return;
    stop();
    thread_.join();
  }

  /// Ready while another packet may be pushed.
  kio::Poll<kio::Unit> poll_room(const kio::Waiter& waiter) {
    const std::lock_guard lock(state_->mutex);
    if (state_->packets.size() < kMaxWaitingPackets) return kio::Unit{};
    state_->on_change.add(waiter);
    return kio::kPending;
  }
  void push(av::Packet packet) {
    const std::lock_guard lock(state_->mutex);
    state_->packets.push_back(std::move(packet));
    state_->for_worker.notify_one();
  }
  /// No more packets come: what is left is decoded still.
  void finish() {
    const std::lock_guard lock(state_->mutex);
    state_->finished = true;
    state_->for_worker.notify_one();
  }
  /// The next decoded frame; none once all are out. Fails with why the decoder did.
  kio::Poll<Result<std::optional<Out>>> poll_next(const kio::Waiter& waiter) {
    const std::lock_guard lock(state_->mutex);
    if (!state_->decoded.empty()) {
      std::optional<Out> out(std::move(state_->decoded.front()));
      state_->decoded.pop_front();
      state_->for_worker.notify_one();
      return Result<std::optional<Out>>(std::move(out));
    }
    if (!state_->result) {
      state_->on_change.add(waiter);
      return kio::kPending;
    }
    if (!*state_->result)
      return Result<std::optional<Out>>(std::unexpected(state_->result->error()));
    return Result<std::optional<Out>>(std::nullopt);
  }
  /// Decodes no further packet.
  void stop() {
    const std::lock_guard lock(state_->mutex);
    state_->stopped = true;
    state_->for_worker.notify_one();
  }
  /// Ready once the thread is at its end.
  kio::Poll<kio::Unit> poll_ended(const kio::Waiter& waiter) {
    const std::lock_guard lock(state_->mutex);
    if (state_->result) return kio::Unit{};
    state_->on_change.add(waiter);
    return kio::kPending;
  }

 private:
  /// Shared by both threads.
  struct State {
    std::mutex mutex;
    std::condition_variable for_worker;
    kio::WaiterList on_change;  ///< The library's thread.
    std::deque<av::Packet> packets;
    std::deque<Out> decoded;
    bool finished = false;
    bool stopped = false;
    std::optional<Result<void>> result;  ///< Once the worker has ended.

    // All below run on the worker's thread.

    Result<void> work(Open& open) {
      MOQ_TRY(Decoder decoder, open());
      while (std::optional<av::Packet> packet = take()) {
        MOQ_CHECK(put(decode(decoder, *packet)));
      }
      {
        const std::lock_guard lock(mutex);
        if (stopped) return {};
      }
      return put(decoder.flush());
    }
    static auto decode(av::AudioDecoder& decoder, const av::Packet& packet) {
      return decoder.decode(packet.timestamp_us, packet.payload);
    }
    template <typename Other>
    static auto decode(Other& decoder, const av::Packet& packet) {
      return decoder.decode(packet.timestamp_us, packet.payload, packet.keyframe);
    }

    /// The next packet, once there is one; none at the end.
    std::optional<av::Packet> take() {
      std::unique_lock lock(mutex);
      for_worker.wait(lock, [this] { return stopped || finished || !packets.empty(); });
      if (stopped || packets.empty()) return std::nullopt;
      std::optional<av::Packet> packet(std::move(packets.front()));
      packets.pop_front();
      wake(lock);
      return packet;
    }
    /// Hands over what was decoded, once there is room. A packet that was refused is skipped.
    Result<void> put(av::Made<Out> made) {
      for (Out& item : made.items) {
        std::unique_lock lock(mutex);
        for_worker.wait(lock, [this] { return stopped || decoded.size() < kMaxDecodedFrames; });
        if (stopped) return {};
        decoded.push_back(std::move(item));
        wake(lock);
      }
      if (!made.error) return {};
      if (made.error->code != Code::decode) return std::unexpected(*std::move(made.error));
      MOQ_LOG(debug, "capi", "a packet is skipped: {}", made.error->describe());
      return {};
    }
    void end(Result<void> how) {
      std::unique_lock lock(mutex);
      result = std::move(how);
      wake(lock);
    }
    /// Lets the library's thread look again.
    void wake(std::unique_lock<std::mutex>& lock) {
      kio::WaiterList woken = on_change.take();
      lock.unlock();
      woken.wake();
    }
  };

  CodecWorker(std::unique_ptr<State> state, std::thread thread)
      : state_(std::move(state)), thread_(std::move(thread)) {}

  std::unique_ptr<State> state_;
  std::thread thread_;
};

}  // namespace moq::capi
