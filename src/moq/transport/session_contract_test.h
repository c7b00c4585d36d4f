#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "moq/kio/executor.h"
#include "moq/transport/session_helpers_test.h"

/// The contract of `transport::Session` as a test suite, for every carrier that implements it. For
/// test programs alone. A carrier brings a `Bed` and says, in one `_test.cc` of its own:
/// ```
/// INSTANTIATE_TEST_SUITE_P(Quic, SessionContract, testing::Values(Carrier{"quic",
/// make_quic_bed}));
/// ```
namespace moq::transport::contract {

/// What both sides grant each other in these tests. Small, so that the limits are reached.
inline constexpr std::uint64_t kMaxStreams = 8;  ///< Open at one time, of each kind and side.
inline constexpr std::string_view kProtocol = "moq-lite-06";
/// Virtual or real time that one step may take.
inline constexpr Duration kStepLimit = 20s;

/// Where a carrier's sessions run: simulated or on loopback.
class Bed {
 public:
  virtual ~Bed() = default;
  virtual kio::Executor& executor() = 0;
  /// Drives until `done()`; false if `limit` passes before.
  virtual bool run_until(const std::function<bool()>& done, Duration limit) = 0;

  struct Pair {
    std::unique_ptr<Session> client;
    std::unique_ptr<Session> server;
  };
  /// Two connected sessions that negotiated `kProtocol` and grant `kMaxStreams` of each kind, a
  /// window per stream of at most 1 MiB and datagrams. Idle timeout: 10 s or less.
  virtual Pair connect() = 0;
  /// Cuts the path of all sessions for good, silently. False if the bed cannot.
  virtual bool cut_path() { return false; }
};

struct Carrier {
  const char* name;
  std::unique_ptr<Bed> (*make)();
};
inline void PrintTo(const Carrier& carrier, std::ostream* out) { *out << carrier.name; }

class SessionContract : public testing::TestWithParam<Carrier> {
 protected:
  void SetUp() override {
    bed_ = GetParam().make();
    Bed::Pair pair = bed_->connect();
    client = std::move(pair.client);
    server = std::move(pair.server);
    ASSERT_TRUE(client);
    ASSERT_TRUE(server);
  }
  void TearDown() override {
    client.reset();
    server.reset();
  }

  /// Runs `task` to its end, or fails the test.
  void run(kio::Task<void> task) {
    const auto spawned = bed_->executor().spawn(std::move(task));
    EXPECT_TRUE(bed_->run_until([&spawned] { return spawned.finished(); }, kStepLimit))
        << "the step did not end";
  }
  /// Runs until `done()`, or fails the test.
  void until(const std::function<bool()>& done) {
    EXPECT_TRUE(bed_->run_until(done, kStepLimit)) << "the condition did not come true";
  }
  /// Lets time pass, for what should not happen.
  void pass(Duration duration) {
    static_cast<void>(bed_->run_until([] { return false; }, duration));
  }

  std::unique_ptr<Bed> bed_;
  std::unique_ptr<Session> client;
  std::unique_ptr<Session> server;
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(SessionContract);

}  // namespace moq::transport::contract

#include "moq/transport/session_contract_cases_test.h"
