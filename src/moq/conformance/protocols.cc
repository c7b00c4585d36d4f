#include "moq/conformance/case.h"
#include "moq/conformance/lite.h"
#include "moq/conformance/moqt.h"

namespace moq::conformance {

std::vector<Protocol> protocols() {
  std::vector<Case> cases;
  for (const auto topic : {lite::setup_cases, lite::stream_cases, lite::announce_cases,
                           lite::subscribe_cases, lite::group_cases, lite::request_cases,
                           lite::flow_cases, lite::publisher_cases, lite::subscriber_cases}) {
    const std::vector<Case> more = topic();
    cases.insert(cases.end(), more.begin(), more.end());
  }
  std::vector<Protocol> out;
  for (const char* name : {"moq-lite-06", "moq-lite-05", "moq-lite-04", "moq-lite-03"}) {
    out.push_back({.name = name, .cases = cases, .still_serves = lite::still_serves});
  }
  std::vector<Case> drafts;
  for (const auto topic : {moqt::cases, moqt::publisher_cases, moqt::subscriber_cases}) {
    const std::vector<Case> more = topic();
    drafts.insert(drafts.end(), more.begin(), more.end());
  }
  for (const char* name : {"moqt-22", "moqt-21", "moqt-20", "moqt-19", "moqt-18", "moqt-17",
                           "moqt-16", "moqt-15", "moq-00"}) {
    out.push_back({.name = name, .cases = drafts, .still_serves = moqt::still_serves});
  }
  return out;
}

}  // namespace moq::conformance
