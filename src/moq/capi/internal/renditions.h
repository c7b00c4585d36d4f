#pragma once

#include <mutex>
#include <set>
#include <string>

#include "moq/capi/internal/call.h"
#include "moq/hang/shared_catalog.h"

namespace moq::capi {

/// Which renditions of a catalog the application has added itself. Those of media tracks are not
/// its to change. Safe from any thread.
class OwnRenditions {
 public:
  /// Adds a rendition, or replaces one of ours. Fails with `duplicate` for one of somebody else.
  Result<void> add(hang::SharedCatalog& catalog, const std::string& name,
                   hang::VideoRendition rendition);
  Result<void> add(hang::SharedCatalog& catalog, const std::string& name,
                   hang::AudioRendition rendition);
  /// Removes one of ours; others, and unknown ones, stay as they are.
  Result<void> remove_video(hang::SharedCatalog& catalog, const std::string& name);
  Result<void> remove_audio(hang::SharedCatalog& catalog, const std::string& name);

 private:
  std::mutex mutex_;
  std::set<std::string> video_;
  std::set<std::string> audio_;
};

/// What the structures of the C API say; checks them in the order of the contract.
void read_rendition(Call& call, const moq_video_config& config, std::string& name,
                    hang::VideoRendition& out);
void read_rendition(Call& call, const moq_audio_config& config, std::string& name,
                    hang::AudioRendition& out);

/// The same structures for what a catalog says. They borrow `rendition` and `name`.
moq_video_config describe(const std::string& name, const hang::VideoRendition& rendition);
moq_audio_config describe(const std::string& name, const hang::AudioRendition& rendition);

}  // namespace moq::capi
