// Runs the C examples against a moq-relay of the same build, and reads what they print.
#include <gtest/gtest.h>

#include "moq/app/child_test.h"

namespace {

using moq::app::test::Child;
using moq::app::test::RelayChild;

std::string example(const std::string& name) {
  return std::string(MOQ_BIN_DIR) + "/examples/c/" + name;
}

TEST(ExamplesInC, SayHowTheyAreCalled) {
  for (const std::string name : {"chat", "publish_file", "reconnect", "subscribe_file"}) {
    Child child({example(name)});
    EXPECT_EQ(child.wait(), 2) << child;
    EXPECT_EQ(child.err().find("usage: " + name + " URL"), 0U) << child;
  }
}

TEST(ExamplesInC, ChatBringsPeopleTogetherOverAnOutage) {
  RelayChild relay;
  Child alice({example("chat"), relay.url("/room"), "alice"});
  Child bob({example("chat"), relay.url("/room"), "bob"});
  Child eve({example("chat"), relay.url("/other"), "eve"});
  EXPECT_EQ(alice.expect_out("bob"), "bob: (is here)");
  EXPECT_EQ(bob.expect_out("alice"), "alice: (is here)");
  alice.write("hello\nhow are you?\n");
  EXPECT_EQ(bob.expect_out("alice: h"), "alice: hello");
  EXPECT_EQ(bob.expect_out("alice: h"), "alice: how are you?");

  relay.kill();
  alice.write("is anybody there?\n");
  bob.write("nobody hears me\n");
  relay.start();
  EXPECT_EQ(bob.expect_out("alice: is"), "alice: is anybody there?");
  EXPECT_EQ(alice.expect_out("bob: n"), "bob: nobody hears me");
  // Nobody was seen to leave, and nothing was said twice.
  EXPECT_EQ(bob.out(),
            "alice: (is here)\nalice: hello\nalice: how are you?\nalice: is anybody there?\n");

  Child carol({example("chat"), relay.url("/room"), "carol"});
  EXPECT_EQ(carol.expect_out("alice: h"), "alice: hello");  // What was said before, in order.
  EXPECT_EQ(carol.expect_out("alice: "), "alice: how are you?");
  EXPECT_EQ(carol.expect_out("alice: "), "alice: is anybody there?");
  bob.close_input();
  EXPECT_EQ(bob.wait(), 0) << bob;
  EXPECT_EQ(alice.expect_out("bob: ("), "bob: (left)");
  alice.signal(SIGINT);
  EXPECT_EQ(alice.wait(), 0) << alice;
  EXPECT_EQ(alice.out().find("alice"), std::string::npos) << alice;  // No echo.
  eve.close_input();
  EXPECT_EQ(eve.wait(), 0) << eve;
  EXPECT_EQ(eve.out(), "");
}

TEST(ExamplesInC, ReconnectCountsItsConnections) {
  RelayChild relay;
  Child reconnect({example("reconnect"), relay.url(), "2"});
  EXPECT_EQ(reconnect.expect_out("epoch"), "epoch 1");
  EXPECT_EQ(reconnect.expect_out("online"), "online: moq-lite-06");
  relay.kill();
  EXPECT_NE(reconnect.expect_out("offline"), "");
  relay.start();
  EXPECT_EQ(reconnect.expect_out("epoch"), "epoch 2");
  EXPECT_EQ(reconnect.wait(), 0) << reconnect;
  EXPECT_EQ(reconnect.expect_out("ended"), "ended with 0 after 2 connections");
}

TEST(ExamplesInC, ReconnectEndsWhenItIsInterruptedAndWhenThereIsNoHope) {
  const RelayChild relay;
  Child reconnect({example("reconnect"), relay.url()});
  EXPECT_EQ(reconnect.expect_out("epoch"), "epoch 1");
  reconnect.signal(SIGINT);
  EXPECT_EQ(reconnect.wait(), 0) << reconnect;
  EXPECT_EQ(reconnect.expect_out("ended"), "ended with 0 after 1 connections");

  Child hopeless({example("reconnect"), "gopher://127.0.0.1/"});
  EXPECT_EQ(hopeless.wait(), 1) << hopeless;
  EXPECT_EQ(hopeless.expect_out("ended"), "ended with -5 after 0 connections");
  EXPECT_NE(hopeless.err(), "");
  Child lost({example("reconnect"), "no url"});
  EXPECT_EQ(lost.wait(), 1) << lost;
  EXPECT_EQ(lost.err().find("error -3: "), 0U) << lost;
}

}  // namespace
