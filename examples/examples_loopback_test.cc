// Runs the examples of this folder against a moq-relay of the same build, and reads what they
// print.
#include <gtest/gtest.h>

#include <regex>

#include "moq/app/child_test.h"

namespace {

using moq::app::test::Child;
using moq::app::test::RelayChild;

std::string example(const std::string& name) {
  return std::string(MOQ_BIN_DIR) + "/examples/" + name;
}

TEST(Examples, SayHowTheyAreCalled) {
  for (const std::string name : {"first", "clock", "chat", "video", "subscribe", "reconnect"}) {
    Child child({example(name)});
    EXPECT_EQ(child.wait(), 1);
    EXPECT_NE(child.err().find(name + ": "), std::string::npos) << child;
    EXPECT_NE(child.err().find("URL"), std::string::npos) << child;
  }
}

TEST(Examples, FirstCountsAndTheCommandLineReadsIt) {
  const RelayChild relay;
  Child first({example("first"), relay.url(), "30"});
  Child fetch({std::string(MOQ_BIN_DIR) + "/moq", "--connect", relay.url(), "--broadcast", "count",
               "fetch", "seconds"});
  EXPECT_EQ(fetch.wait(), 0) << fetch;
  EXPECT_TRUE(std::regex_match(fetch.out(), std::regex("[0-9]+"))) << fetch;
}

TEST(Examples, ClockShowsTheTimeOfThePublisher) {
  const RelayChild relay;
  Child subscriber({example("clock"), "subscribe", relay.url(), "2"});
  Child publisher({example("clock"), "publish", relay.url(), "30"});
  EXPECT_EQ(subscriber.wait(), 0) << subscriber;
  const std::regex time("20[0-9]{2}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\n");
  const std::string& lines = subscriber.out();
  EXPECT_EQ(std::distance(std::sregex_iterator(lines.begin(), lines.end(), time), {}), 2) << lines;
}

TEST(Examples, ChatBringsTwoPeopleTogether) {
  const RelayChild relay;
  Child alice({example("chat"), relay.url(), "alice"});
  Child bob({example("chat"), relay.url(), "bob"});
  EXPECT_EQ(alice.expect_out("bob"), "bob: (is here)");
  EXPECT_EQ(bob.expect_out("alice"), "alice: (is here)");
  alice.write("hello\nhow are you?\n");
  EXPECT_EQ(bob.expect_out("alice: hello"), "alice: hello");
  EXPECT_EQ(bob.expect_out("alice: how"), "alice: how are you?");
  bob.write("fine\n");
  EXPECT_EQ(alice.expect_out("bob: f"), "bob: fine");
  bob.close_input();
  EXPECT_EQ(bob.wait(), 0) << bob;
  EXPECT_EQ(alice.expect_out("bob: ("), "bob: (left)");
  alice.close_input();
  EXPECT_EQ(alice.wait(), 0) << alice;
}

TEST(Examples, VideoIsCountedBySubscribeAndExportedByTheCommandLine) {
  const RelayChild relay;
  Child video({example("video"), relay.url(), "bar.hang", "30"});
  Child viewer({std::string(MOQ_BIN_DIR) + "/moq", "--connect", relay.url(), "--broadcast",
                "bar.hang", "export", "h264"});
  viewer.expect_err("codec=avc3.42c01e");
  Child subscriber({example("subscribe"), relay.url(), "bar.hang", "0.avc3", "2"});
  EXPECT_EQ(subscriber.wait(), 0) << subscriber;
  // A group a second, of a key frame (55 kB) and 29 frames of one block.
  EXPECT_TRUE(std::regex_search(
      subscriber.out(),
      std::regex("^announced, [1-9] hops away\ngroup [0-9]+: 30 frames, [67][0-9]{4} bytes\n")))
      << subscriber;
  viewer.expect_out_bytes(60000);
  viewer.signal(SIGINT);
  EXPECT_EQ(viewer.wait(), 0) << viewer;
  EXPECT_EQ(viewer.out().substr(0, 5), std::string("\0\0\0\1\x67", 5));
}

TEST(Examples, ReconnectCountsItsSessions) {
  RelayChild relay;
  Child reconnect({example("reconnect"), relay.url(), "2"});
  EXPECT_EQ(reconnect.expect_out("session 1"), "session 1: moq-lite-06 over webtransport");
  relay.kill();
  relay.start();
  EXPECT_EQ(reconnect.expect_out("session 2"), "session 2: moq-lite-06 over webtransport");
  EXPECT_EQ(reconnect.wait(), 0) << reconnect;
}

}  // namespace
