// x265 3.5 itself loses a few kilobytes with each encoder.
extern "C" [[gnu::visibility("default")]] const char*
__lsan_default_suppressions() {  // NOLINT(bugprone-reserved-identifier,readability-identifier-naming)
  return "leak:libx265\n";
}
