#pragma once

#include <memory>
#include <optional>

#include "moq/io/loop.h"

namespace moq::io {

/// UDP sockets of a loop, with settings of their own: for one endpoint of several on the loop, in
/// place of the loop's settings for all. `loop` must outlive it and its sockets.
class UdpNetwork final : public transport::DatagramNetwork {
 public:
  struct Options {
    /// What is connected sends from here; port 0 = any. None = the system chooses. Another port
    /// serves one connection at a time.
    std::optional<transport::SocketAddress> local;
    /// False: segment by segment, for networks that mistreat GSO. The loop's own refusal stands.
    bool segmentation = true;
  };
  UdpNetwork(Loop& loop, const Options& options) : loop_(&loop), options_(options) {}

  Result<std::unique_ptr<transport::DatagramSocket>> bind(
      const transport::SocketAddress& local) override;
  Result<std::unique_ptr<transport::DatagramSocket>> connect(
      const transport::SocketAddress& remote) override;
  Result<std::unique_ptr<transport::DatagramSocket>> split(
      transport::DatagramSocket& bound, const transport::SocketAddress& local,
      const transport::SocketAddress& remote) override {
    return loop_->split(bound, local, remote);
  }

 private:
  Loop* loop_;
  Options options_;
};

}  // namespace moq::io
