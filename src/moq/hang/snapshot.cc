#include "moq/hang/snapshot.h"

#include <utility>

#include "moq/hang/flate.h"
#include "moq/hang/internal/json.h"

namespace moq::hang::snapshot {
namespace {

using json::Value;

/// The patch that turns `before` into `after`, both objects. Recurses as deep as they nest.
Value make_patch(const Value& before, const Value& after) {
  Value patch = Value::object();
  for (const auto& [key, old] : before.items()) {
    if (!after.contains(key)) patch[key] = nullptr;
  }
  for (const auto& [key, value] : after.items()) {
    const auto old = before.find(key);
    if (old != before.end() && *old == value) continue;
    if (old != before.end() && old->is_object() && value.is_object()) {
      patch[key] = make_patch(*old, value);
    } else {
      patch[key] = value;
    }
  }
  return patch;
}

/// The patch, unless no patch says it: a value that becomes null, or a root that is no object.
std::optional<Value> patch_between(const Value& before, const Value& after) {
  if (!before.is_object() || !after.is_object()) return std::nullopt;
  Value patch = make_patch(before, after);
  Value patched = before;
  patched.merge_patch(patch);
  if (patched != after) return std::nullopt;
  return patch;
}

}  // namespace

struct Encoder::State {
  Options options;
  std::optional<Value> value;
  std::optional<flate::Encoder> flate;
  std::size_t frames = 0;
  std::size_t first_bytes = 0;
  std::size_t patch_bytes = 0;

  [[nodiscard]] bool group_is_full() const {
    return frames >= kMaxGroupFrames || first_bytes + patch_bytes >= kMaxGroupBytes ||
           patch_bytes >= first_bytes * options.ratio;
  }
  Result<Bytes> wrap(std::string_view text) {
    if (!options.compressed) return Bytes::copy(text);
    return flate->encode(as_bytes(text));
  }
};

Encoder::Encoder(Options options) : state_(std::make_unique<State>()) { state_->options = options; }
Encoder::Encoder(Encoder&&) noexcept = default;
Encoder& Encoder::operator=(Encoder&&) noexcept = default;
Encoder::~Encoder() = default;

Result<std::optional<Encoder::Write>> Encoder::update(std::string_view json_text) {
  if (json_text.size() > kMaxGroupBytes) return fail(Code::group_too_large, "snapshot: too large");
  MOQ_TRY(Value next, json::parse(json_text));
  State& state = *state_;
  if (state.value && *state.value == next) return std::nullopt;

  std::optional<Value> patch;
  if (state.value && !state.group_is_full()) patch = patch_between(*state.value, next);
  Write write;
  if (patch) {
    MOQ_TRY(write.frame, state.wrap(json::dump(*patch)));
    state.patch_bytes += write.frame.size();
    ++state.frames;
  }
  // The group, and its compressor, are given up if the patch made it too large.
  write.new_group = !patch || state.first_bytes + state.patch_bytes > kMaxGroupBytes;
  if (write.new_group) {
    state.flate.emplace();
    MOQ_TRY(write.frame, state.wrap(json_text));
    state.first_bytes = write.frame.size();
    state.patch_bytes = 0;
    state.frames = 1;
  }
  state.value = std::move(next);
  return std::optional(std::move(write));
}

struct Decoder::State {
  State(bool is_compressed, std::size_t most) : compressed(is_compressed), limit(most) {}
  bool compressed;
  std::size_t limit;
  std::optional<flate::Decoder> flate;
  std::optional<Value> value;
  std::size_t weight = 0;  ///< At least the size of `value` as text.
};

Decoder::Decoder(bool compressed, std::size_t limit)
    : state_(std::make_unique<State>(compressed, limit)) {
  start_group();
}
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;
Decoder::~Decoder() = default;

void Decoder::start_group() {
  State& state = *state_;
  state.value.reset();
  state.weight = 0;
  if (state.compressed) state.flate.emplace(state.limit);
}

Result<void> Decoder::apply(ByteSpan frame) {
  State& state = *state_;
  Bytes inflated;
  ByteSpan text = frame;
  if (state.compressed) {
    MOQ_TRY(inflated, state.flate->decode(frame));
    text = inflated.span();
  }
  if (text.size() > state.limit) return fail(Code::frame_too_large, "snapshot: too large");
  MOQ_TRY(Value value, json::parse(as_text(text)));
  state.weight += text.size();
  if (!state.value) {
    state.value = std::move(value);
    return {};
  }
  state.value->merge_patch(value);
  // The sum of the frames bounds the value; measure only when that bound no longer helps.
  if (state.weight > state.limit) state.weight = json::dump(*state.value).size();
  if (state.weight > state.limit) return fail(Code::frame_too_large, "snapshot: too large");
  return {};
}

std::optional<std::string> Decoder::text() const {
  if (!state_->value) return std::nullopt;
  return json::dump(*state_->value);
}

}  // namespace moq::hang::snapshot
