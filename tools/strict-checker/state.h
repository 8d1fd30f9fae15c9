// What a state of the checker is, the options, and the monitor that knows every linearization that is still possible.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

typedef uint8_t u8;
typedef uint64_t u64;
#ifndef N
#define N 3
#endif
#ifndef NW
#define NW 2
#endif
static_assert(N >= 3 && N <= 6 && NW >= 1 && NW <= 3, "3 to 6 replicas, 1 to 3 writers");

enum { SLOTS = 2, COORDINATORS = NW + SLOTS, MAJORITY = N / 2 + 1 };
enum { MESSAGES_MAX = 24, CONFIGURATIONS_MAX = 48, LABELS = 62, OWN_MAX = 3, OWN_STAMPS = OWN_MAX };
enum { ABSENT = 0, COUNTED = 1 };
enum Phase { IDLE, QUERYING, ORDERING, STORING, SETTLING, DONE, CRASHED, UNKNOWN, STUCK };
enum Kind { ORDER = 1, STORE, LEARN, PLAIN };

// Stamps are places in a dense order: 0 is the initial one, a new one may be put into any gap. So no counter and no id
// is fixed. Values: 0 is the initial one, see valueAfter.
struct Replica {
  u8 stamp, origin, value, promised;
  u8 joining; // 0: a member; otherwise JOINING and a bit for each replica that it has listed
  u8 incarnation, known[N];
};
enum { JOINING = 128 };
struct Message {
  u8 kind, stamp, origin, value;
  bool operator<(const Message& b) const { return memcmp(this, &b, sizeof b) < 0; }
};
struct Reply {
  u8 counted, stamp, origin, value, promised, incarnation;
};
// A writer or a reader. `first`: B1. `left`: new stamps that it may still take. `own`: the stamps under which an update
// has sent its result. `unsure`: an update that can no longer know whether it took effect.
struct Coordinator {
  u8 phase, current, first, origin, value, left, plain, unsure, own[OWN_STAMPS], known[N];
  Reply replies[N];
};
struct State {
  Replica replicas[N];
  Coordinator coordinators[COORDINATORS];
  u8 reads, crashes, writerCrashes, losses; // how many of each may still happen
  u8 dead;                                  // writers that may not take effect from now on
  u8 messageCount, configurationCount;
  Message messages[MESSAGES_MAX];
  u64 configurations[CONFIGURATIONS_MAX];
  u8 labelCount, labels[LABELS]; // for traces only
};

// ------------------------------------------------------------------------------------------------------------- options
struct Options {
  int reads = 1, slots = 1, sw = 2, sr = 1, gap = 0, wcrash = 1, rcrash = 0, crash = 0, limit = 2, loss = 0;
  int split = 1, learn = 0, giveup = 0, upd = 0, updRule = 0, joinFrom = N / 2 + N % 2;
  int superseded = 0, orderAny = 0, storedBelow = 0, noOrigin = 0, originEqual = 0, ignorePromises = 0, pickOrigin = 0;
  int firstIsGuess = 0, skipOrder = 0, skipTop = 0, alive = 0, earlyStore = 0, joinNoPromises = 0, noIncarnations = 0;
  int plainW = 0, plainR = 0, noWriteBack = 0;
  int walk = 0, seed = 1, len = 400, solo = 0, trace = 0, bits = 26, noP3 = 0, max = 0, seconds = 0;
};
static Options opt;
static const struct {
  const char* name;
  int* at;
} OPTIONS[] = {
    {"reads", &opt.reads}, {"slots", &opt.slots}, {"sw", &opt.sw}, {"sr", &opt.sr}, {"gap", &opt.gap},
    {"wcrash", &opt.wcrash}, {"rcrash", &opt.rcrash}, {"crash", &opt.crash}, {"limit", &opt.limit},
    {"loss", &opt.loss}, {"split", &opt.split}, {"learn", &opt.learn}, {"giveup", &opt.giveup}, {"upd", &opt.upd},
    {"updRule", &opt.updRule}, {"joinFrom", &opt.joinFrom}, {"superseded", &opt.superseded},
    {"orderAny", &opt.orderAny}, {"storedBelow", &opt.storedBelow}, {"noOrigin", &opt.noOrigin},
    {"originEqual", &opt.originEqual}, {"ignorePromises", &opt.ignorePromises}, {"pickOrigin", &opt.pickOrigin},
    {"firstIsGuess", &opt.firstIsGuess}, {"skipOrder", &opt.skipOrder}, {"skipTop", &opt.skipTop},
    {"alive", &opt.alive}, {"earlyStore", &opt.earlyStore}, {"joinNoPromises", &opt.joinNoPromises},
    {"noIncarnations", &opt.noIncarnations}, {"plainW", &opt.plainW}, {"plainR", &opt.plainR},
    {"noWriteBack", &opt.noWriteBack}, {"walk", &opt.walk}, {"seed", &opt.seed}, {"len", &opt.len},
    {"solo", &opt.solo}, {"trace", &opt.trace}, {"bits", &opt.bits}, {"noP3", &opt.noP3}, {"max", &opt.max},
    {"seconds", &opt.seconds},
};

static bool isUpdate(int i) { return i < NW && (opt.upd >> i & 1); }

// ------------------------------------------------------------------------------------------------------- found, traces
static const char* violation = nullptr;
static std::string violationAct, act;
static State violationState;
static bool overflow = false; // a walk has outgrown an array: it ends there

static void found(const State& s, const char* what) {
  if (violation) return;
  violation = what;
  violationAct = act;
  violationState = s;
}
static void outgrown(const char* what) {
  if (opt.walk) {
    overflow = true;
    return;
  }
  fprintf(stderr, "too small: %s\n", what);
  exit(3);
}
template <class... A> static void say(const char* format, A... a) {
  if (!opt.trace) return;
  char text[256];
  snprintf(text, sizeof text, format, a...);
  act = text;
}
static void sayMore(const std::string& text) {
  if (opt.trace) act += text;
}
static std::string nameOf(int i) { return (i < NW ? "W" : "R") + std::to_string(i < NW ? i + 1 : i - NW + 1); }
static std::string label(const State& s, int x) { return x ? "t" + std::to_string(s.labels[x]) : "0"; }

// -------------------------------------------------------------------------------------------------------------- values
// A value is what has been done to the sector: a list of writers without repetition. A write makes a list of its own.
// An update adds itself to the list that it finds. BAD: an update was applied to what it had already been applied to.
static const u8 BAD = 16;
static std::vector<std::string> lists;
static u8 valueAfter[BAD + 1][NW];

static u8 valueOf(const std::string& list) {
  for (size_t k = 0; k < lists.size(); k++) if (lists[k] == list) return k;
  lists.push_back(list);
  return lists.size() - 1;
}
static void makeValues() {
  lists = {""};
  for (size_t k = 0; k < lists.size(); k++)
    for (int w = 0; w < NW; w++) {
      std::string list = lists[k], name(1, '1' + w);
      bool twice = list.find(name) != std::string::npos;
      valueAfter[k][w] = isUpdate(w) ? (twice ? BAD : valueOf(list + name)) : valueOf(name);
    }
  for (int w = 0; w < NW; w++) valueAfter[BAD][w] = isUpdate(w) ? BAD : valueOf(std::string(1, '1' + w));
}
static std::string showValue(int v) { return v == BAD ? "twice" : v ? "'" + lists[v] + "'" : "initial"; }
static bool holds(int v, int w) { return v != BAD && lists[v].find('1' + w) != std::string::npos; }

// ------------------------------------------------------------------------------------------------------------- monitor
// A configuration is one way to have linearized the history so far: the value (5 bits), the writers that have taken
// effect (3 bits), for each reader under way the values that it may return (17 bits each), and for each update that has
// taken effect and not returned the value that it has made (5 bits each).
enum { CURRENT = 31, LINEARIZED_AT = 5, SEEN_AT = 8, SEEN_BITS = 17, MADE_AT = SEEN_AT + SLOTS * SEEN_BITS };
static const u64 SEEN = (1ull << SEEN_BITS) - 1, ALL_SEEN = ((1ull << SLOTS * SEEN_BITS) - 1) << SEEN_AT;
static int seenAt(int slot) { return SEEN_AT + SEEN_BITS * slot; }
static u64 seen(u64 c, int slot) { return c >> seenAt(slot) & SEEN; }
static int madeAt(int w) { return MADE_AT + 5 * w; }
static bool linearized(u64 c, int w) { return c >> (LINEARIZED_AT + w) & 1; }

static void setConfigurations(State& s, int count) {
  for (int i = count; i < s.configurationCount; i++) s.configurations[i] = 0;
  s.configurationCount = count;
}
// A configuration whose readers may return less than those of another, all else equal, adds nothing.
static void prune(State& s) {
  u64* all = s.configurations;
  std::sort(all, all + s.configurationCount);
  int count = std::unique(all, all + s.configurationCount) - all, k = 0;
  u64 kept[CONFIGURATIONS_MAX];
  for (int i = 0; i < count; i++) {
    bool less = false;
    for (int j = 0; j < count && !less; j++)
      less = j != i && ((all[i] ^ all[j]) & ~ALL_SEEN) == 0 && (all[i] & ~all[j]) == 0;
    if (!less) kept[k++] = all[i];
  }
  memcpy(all, kept, k * sizeof(u64));
  setConfigurations(s, k);
}
static void linearizePending(State& s) {
  for (int i = 0; i < s.configurationCount; i++)
    for (int w = 0; w < NW; w++) {
      u64 c = s.configurations[i];
      int phase = s.coordinators[w].phase;
      if (phase == IDLE || phase == DONE || (s.dead >> w & 1) || linearized(c, w)) continue;
      u8 value = valueAfter[c & CURRENT][w];
      u64 next = (c & ~(u64)CURRENT) | value | 1ull << (LINEARIZED_AT + w);
      if (isUpdate(w)) next |= (u64)value << madeAt(w);
      for (int k = 0; k < SLOTS; k++) if (seen(c, k)) next |= 1ull << (seenAt(k) + value);
      bool have = false;
      for (int j = 0; j < s.configurationCount && !have; j++) have = s.configurations[j] == next;
      if (have) continue;
      if (s.configurationCount >= CONFIGURATIONS_MAX) return outgrown("CONFIGURATIONS_MAX");
      s.configurations[s.configurationCount++] = next;
    }
  prune(s);
}
template <class F> static bool keepConfigurations(State& s, F keep) {
  int k = 0;
  for (int i = 0; i < s.configurationCount; i++)
    if (keep(s.configurations[i])) s.configurations[k++] = s.configurations[i];
  setConfigurations(s, k);
  return k > 0;
}
static void readBegins(State& s, int slot) {
  for (int i = 0; i < s.configurationCount; i++) {
    u64& c = s.configurations[i];
    c = (c & ~(SEEN << seenAt(slot))) | 1ull << (seenAt(slot) + (c & CURRENT));
  }
  linearizePending(s);
}
static void forgetRead(State& s, int slot) {
  for (int i = 0; i < s.configurationCount; i++) s.configurations[i] &= ~(SEEN << seenAt(slot));
  prune(s);
}
static bool readReturns(State& s, int slot, int value) {
  if (!keepConfigurations(s, [&](u64 c) { return seen(c, slot) >> value & 1; })) {
    found(s, "P1/P2: a read returned what no linearization allows");
    return false;
  }
  forgetRead(s, slot);
  return true;
}
static void neverReturns(State& s, int w) { // so what it has made is of no interest
  for (int i = 0; i < s.configurationCount; i++) s.configurations[i] &= ~((u64)CURRENT << madeAt(w));
  prune(s);
}
// An update tells its caller what it has made: that must be what it made where it took effect.
static bool writeReturns(State& s, int w, int value) {
  auto fits = [&](u64 c) { return linearized(c, w) && (!isUpdate(w) || (int)(c >> madeAt(w) & CURRENT) == value); };
  if (!keepConfigurations(s, fits)) {
    found(s, isUpdate(w) ? "P1/P2: an update returned that cannot be linearized"
                         : "P1: a write returned that cannot be linearized");
    return false;
  }
  neverReturns(s, w);
  return true;
}
