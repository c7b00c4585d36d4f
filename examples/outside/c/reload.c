/* Loads libmoq, calls it and unloads it, a hundred times, while its sessions come and go: reload
 * LIBRARY URL. */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 100 };
static atomic_int connected, ended;

static void on_status(void* user_data, int32_t code) {
  (void)user_data;
  atomic_fetch_add(code > 0 ? &connected : &ended, 1);
}

static void* function(void* library, const char* name) {
  void* found = dlsym(library, name);
  if (found == NULL) fprintf(stderr, "%s\n", dlerror());
  return found;
}

static int32_t call(void* library, const char* name, uint32_t handle) {
  int32_t (*moq_call)(uint32_t) = NULL;
  *(void**)&moq_call = function(library, name);
  return moq_call == NULL ? -1 : moq_call(handle);
}

/* One life of the library; the number of its origin, or -1. */
static int32_t live(const char* path, const char* url) {
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    return -1;
  }
  int32_t (*create)(void) = NULL;
  int32_t (*connect)(const char*, uintptr_t, uint32_t, uint32_t, void (*)(void*, int32_t), void*) =
      NULL;
  *(void**)&create = function(library, "moq_origin_create");
  *(void**)&connect = function(library, "moq_session_connect");
  if (create == NULL || connect == NULL) return -1;
  const int32_t origin = create();
  const int32_t session = connect(url, strlen(url), (uint32_t)origin, 0, on_status, NULL);
  const struct timespec pause = {0, 5000000};
  nanosleep(&pause, NULL);
  if (origin < 0 || session < 0 || call(library, "moq_session_close", (uint32_t)session) != 0 ||
      call(library, "moq_origin_close", (uint32_t)origin) != 0)
    return -1;
  return dlclose(library) == 0 ? origin : -1;
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  int32_t last = 0;
  for (int round = 0; round < ROUNDS; ++round) {
    const int32_t origin = live(argv[1], argv[2]);
    if (origin <= last) {
      fprintf(stderr, "round %d: origin %d after %d\n", round, (int)origin, (int)last);
      return 1;
    }
    last = origin;
  }
  const struct timespec pause = {0, 10000000};
  for (int i = 0; i < 2000 && atomic_load(&ended) < ROUNDS; ++i) nanosleep(&pause, NULL);
  printf("%d sessions, %d of them connected\n", atomic_load(&ended), atomic_load(&connected));
  return atomic_load(&ended) == ROUNDS ? 0 : 1;
}
