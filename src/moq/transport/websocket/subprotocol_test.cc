#include "moq/transport/websocket/subprotocol.h"

#include <gtest/gtest.h>

namespace moq::transport::websocket {
namespace {

using Names = std::vector<std::string>;

const Names kBare = {"qmux-02", "qmux-01", "qmux-00", "webtransport"};

std::string chosen(const Names& offered, const Names& protocols) {
  const auto choice = choose(offered, protocols);
  return choice ? choice->name : "nothing";
}

TEST(Subprotocol, NamesAFramingAndAVersion) {
  const auto both = Subprotocol::parse("qmux-01.moq-lite-06");
  ASSERT_TRUE(both);
  EXPECT_EQ(both->framing, qmux::Framing::qmux_01);
  EXPECT_EQ(both->protocol, "moq-lite-06");
  EXPECT_EQ(both->name, "qmux-01.moq-lite-06");
  const auto bare = Subprotocol::parse("qmux-02");
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->framing, qmux::Framing::qmux_02);
  EXPECT_EQ(bare->protocol, "");
  EXPECT_EQ(Subprotocol::parse("webtransport")->framing, qmux::Framing::webtransport);
  for (const char* name : {"", "qmux", "qmux-03", "qmux-01.", "webtransport.moq-lite-06",
                           "moq-lite-06", "Qmux-01", "qmux-01moq", "."}) {
    EXPECT_FALSE(Subprotocol::parse(name)) << name;
  }
}

TEST(Subprotocol, AClientOffersEachVersionInEachForm) {
  const Names protocols = {"moq-lite-06", "moqt-18", "moqt-17"};
  const Names versions = {"qmux-02.moq-lite-06", "qmux-01.moq-lite-06", "qmux-00.moq-lite-06",
                          "qmux-01.moqt-18",     "qmux-02.moqt-17",     "qmux-01.moqt-17",
                          "qmux-00.moqt-17"};
  EXPECT_EQ(offers(protocols, false), versions);
  Names with_bare = versions;
  with_bare.insert(with_bare.end(), kBare.begin(), kBare.end());
  EXPECT_EQ(offers(protocols, true), with_bare);
}

TEST(Subprotocol, TheServersOrderDecides) {
  const Names ours = {"moq-lite-06", "moq-lite-05"};
  EXPECT_EQ(chosen({"qmux-00.moq-lite-05", "qmux-01.moq-lite-05", "qmux-00.moq-lite-06"}, ours),
            "qmux-00.moq-lite-06");
  EXPECT_EQ(chosen(offers(ours, true), ours), "qmux-02.moq-lite-06");
  EXPECT_EQ(chosen({"webtransport", "qmux-00", "qmux-02", "qmux-00.moq-lite-05"}, ours),
            "qmux-00.moq-lite-05");
  EXPECT_EQ(chosen({"webtransport", "qmux-00", "qmux-01", "qmux-01.moqt-22"}, ours), "qmux-01");
  EXPECT_EQ(chosen({"moq-lite-06", "webtransport"}, ours), "webtransport");
  EXPECT_EQ(chosen({"moq-lite-06", "chat"}, ours), "nothing");
}

TEST(Subprotocol, WhoOffersNothingGetsTheOldestFraming) {
  EXPECT_EQ(chosen({}, {"moq-lite-06"}), "");
  EXPECT_EQ(choose({}, Names{"moq-lite-06"})->framing, qmux::Framing::webtransport);
}

}  // namespace
}  // namespace moq::transport::websocket
