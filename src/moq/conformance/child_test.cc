#include "moq/conformance/child.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>

namespace moq::conformance {
namespace {

TEST(ChildStatus, IsSaidInWords) {
  EXPECT_EQ(describe_status(W_EXITCODE(0, 0)), "exit code 0");
  EXPECT_EQ(describe_status(W_EXITCODE(1, 0)), "exit code 1");
  EXPECT_EQ(describe_status(W_EXITCODE(0, SIGSEGV)), "signal 11");
  EXPECT_EQ(describe_status(W_EXITCODE(128 + SIGABRT, 0)), "signal 6");
}

TEST(ChildStatus, TellsACrashFromAnEnd) {
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE}) {
    EXPECT_TRUE(is_crash(W_EXITCODE(0, signal))) << signal;
    EXPECT_TRUE(is_crash(W_EXITCODE(128 + signal, 0))) << signal;
  }
  for (const int status : {W_EXITCODE(0, 0), W_EXITCODE(1, 0), W_EXITCODE(0, SIGTERM),
                           W_EXITCODE(128 + SIGTERM, 0), W_EXITCODE(128, 0)}) {
    EXPECT_FALSE(is_crash(status)) << status;
  }
}

}  // namespace
}  // namespace moq::conformance
