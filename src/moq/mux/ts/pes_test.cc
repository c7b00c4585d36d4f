#include "moq/mux/ts/pes.h"

#include <gtest/gtest.h>

#include <string>

namespace moq::mux::ts {
namespace {

using Buffer = std::vector<std::uint8_t>;

/// Writes down what it is told.
class Recorder : public Elementary {
 public:
  explicit Recorder(std::string& log) : log_(&log) {}
  void begin(std::optional<std::int64_t> pts_us, Found&) override {
    *log_ += pts_us ? "begin " + std::to_string(*pts_us) + ";" : "begin;";
  }
  Result<void> data(ByteSpan payload, Found&) override {
    *log_ += "data " + std::string(as_text(payload)) + ";";
    return {};
  }
  void lose() override { *log_ += "lose;"; }
  [[nodiscard]] bool is_awaited() const override { return false; }
  void finish(Found&) override { *log_ += "finish;"; }

 private:
  std::string* log_;
};

class PesTest : public ::testing::Test {
 protected:
  void push(const Buffer& payload, bool unit_start, int step = 1) {
    counter = static_cast<std::uint8_t>((counter + step) & 15);
    EXPECT_TRUE(reader.push(
        {.pid = 1, .unit_start = unit_start, .counter = counter, .payload = ByteSpan(payload)},
        times, found));
  }
  std::string log;
  std::uint8_t counter = 14;
  PesReader reader{std::make_unique<Recorder>(log)};
  PtsUnwrapper times;
  Found found;
};

Buffer text(std::string_view value) { return {value.begin(), value.end()}; }

/// A PES packet of video with a time in ticks, of no length unless told.
Buffer pes(std::optional<std::uint64_t> pts, std::string_view body, std::uint16_t length = 0) {
  Buffer out = {
      0,    0, 1, 0xe0, static_cast<std::uint8_t>(length >> 8), static_cast<std::uint8_t>(length),
      0x80, 0, 0};
  if (pts) {
    out[7] = 0x80;
    out[8] = 5;
    const std::uint64_t low = *pts;
    for (const std::uint64_t byte : {0x21 | (low >> 29 & 0x0e), low >> 22, 1 | (low >> 14 & 0xfe),
                                     low >> 7, 1 | (low << 1 & 0xfe)}) {
      out.push_back(static_cast<std::uint8_t>(byte));
    }
  }
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

TEST_F(PesTest, HasATimeAndABodyUntilTheNextBegins) {
  push(pes(90'000, "ab"), true);
  push(text("cd"), false);
  push(pes(std::nullopt, "e"), true);
  reader.finish(found);
  EXPECT_EQ(log, "begin 1000000;data ab;data cd;begin;data e;finish;");
}

TEST_F(PesTest, EndsWhereItsLengthSays) {
  push(pes(0, "ab", 3 + 5 + 3), true);
  push(text("cde"), false);
  push(text("f"), false);
  EXPECT_EQ(log, "begin 0;data ab;data c;");
}

TEST_F(PesTest, ReadsAHeaderOverSeveralPackets) {
  const Buffer whole = pes(45, "a");
  for (std::size_t i = 0; i < whole.size(); ++i) push({whole[i]}, i == 0);
  EXPECT_EQ(log, "begin 500;data a;");
}

TEST_F(PesTest, CountsOnWhereTheTimesStartOver) {
  constexpr std::uint64_t kPeriod = std::uint64_t{1} << 33;
  push(pes(kPeriod - 90, "a"), true);
  push(pes(90, "b"), true);
  push(pes(kPeriod - 45, "c"), true);  // Shown before b.
  EXPECT_EQ(log, "begin 95443716688;data a;begin 95443718688;data b;begin 95443717188;data c;");
}

TEST_F(PesTest, GoesBelowZeroRatherThanADayAhead) {
  constexpr std::uint64_t kPeriod = std::uint64_t{1} << 33;
  push(pes(9, "a"), true);
  push(pes(kPeriod - 10, "b"), true);
  EXPECT_EQ(log, "begin 100;data a;begin -112;data b;");
}

TEST_F(PesTest, DropsWhatIsOpenAfterAGap) {
  push(pes(0, "a"), true);
  push(text("b"), false, 2);
  push(pes(90, "c"), true);
  EXPECT_EQ(log, "begin 0;data a;lose;begin 1000;data c;");
}

TEST_F(PesTest, AGapBeforeAUnitCostsNothingElse) {
  push(pes(0, "a"), true);
  push(pes(90, "b"), true, 3);
  EXPECT_EQ(log, "begin 0;data a;lose;begin 1000;data b;");
}

TEST_F(PesTest, TakesAPacketThatIsSentTwiceOnce) {
  push(pes(0, "a"), true);
  push(pes(0, "a"), true, 0);
  push(text("b"), false);
  EXPECT_EQ(log, "begin 0;data a;data b;");
}

TEST_F(PesTest, TakesAnotherPacketOfTheSameNumberForALoss) {
  push(pes(0, "a"), true);
  push(pes(90, "b"), true, 0);
  EXPECT_EQ(log, "begin 0;data a;lose;begin 1000;data b;");
}

TEST_F(PesTest, EndsWhatIsOpenWhereAnotherStreamIsJoined) {
  push(pes(0, "a"), true);
  counter = 5;
  push(text("b"), false);
  counter = 15;
  push(pes(90, "c"), true);
  EXPECT_EQ(log, "begin 0;data a;lose;finish;begin 1000;data c;");
}

TEST_F(PesTest, PassesOverWhatIsNoMedia) {
  Buffer padding = pes(0, "a");
  padding[3] = 0xbe;
  push(padding, true);
  Buffer other = pes(0, "a");
  other[2] = 2;
  push(other, true);
  Buffer short_length = pes(0, "a", 7);
  push(short_length, true);
  push(text("b"), false);
  EXPECT_EQ(log, "");
}

}  // namespace
}  // namespace moq::mux::ts
