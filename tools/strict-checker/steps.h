// New stamps, messages, the one form that alike states are brought to, and P3.
#pragma once
#include "state.h"

struct Successor {
  State state;
  std::string act;
};
static std::vector<Successor> successors;
static bool soloMode = false, soloHas = false; // P4: one coordinator alone, always on; the last step is what counts
static State soloNext;

template <class F> static void eachStamp(State& s, F f) {
  for (Replica& r : s.replicas) { f(r.stamp); f(r.origin); f(r.promised); }
  for (int i = 0; i < s.messageCount; i++) { f(s.messages[i].stamp); f(s.messages[i].origin); }
  for (Coordinator& c : s.coordinators) {
    f(c.current); f(c.first); f(c.origin);
    for (u8& x : c.own) f(x);
    for (Reply& a : c.replies) { f(a.stamp); f(a.origin); f(a.promised); }
  }
}
static int highestStamp(State& s) {
  int highest = 0;
  eachStamp(s, [&](u8& x) { highest = std::max(highest, (int)x); });
  return highest;
}
static std::string orderOf(State& s) {
  std::string text = " [";
  for (int i = 1, top = highestStamp(s); i <= top; i++) text += (i > 1 ? "<" : "") + label(s, i);
  return text + "]";
}
// Calls f(copy, stamp) for every gap above `above`, the end included. gap=1: only the lowest gap and the end.
template <class F> static void newStamp(const State& from, int above, F f) {
  State base = from;
  int top = highestStamp(base);
  auto at = [&](int x) {
    State s = base;
    eachStamp(s, [&](u8& y) { if (y >= x) y++; });
    if (opt.trace) {
      for (int i = LABELS - 1; i > x; i--) s.labels[i] = s.labels[i - 1];
      s.labels[x] = ++s.labelCount;
    }
    f(s, x);
  };
  if (soloMode) return at(top + 1);
  for (int gap = above; gap <= top; gap++) if (!opt.gap || gap == above || gap == top) at(gap + 1);
}
static void send(State& s, Message m) {
  for (int i = 0; i < s.messageCount; i++) if (!memcmp(&s.messages[i], &m, sizeof m)) return;
  if (s.messageCount >= MESSAGES_MAX) return outgrown("MESSAGES_MAX");
  s.messages[s.messageCount++] = m;
}
static void noReplies(Coordinator& c) { memset(c.replies, 0, sizeof c.replies); }
static int counted(const Coordinator& c) {
  int count = 0;
  for (const Reply& a : c.replies) count += a.counted == COUNTED;
  return count;
}
static bool awaits(const Coordinator& c, const Message& m) {
  if (c.current != m.stamp) return false;
  if (m.kind == ORDER) return c.phase == ORDERING || c.phase == SETTLING;
  return c.phase == STORING && (c.plain ? m.kind == PLAIN : m.kind == STORE && c.origin == m.origin);
}
static const Reply* newestOf(const Coordinator& c) {
  const Reply* m = nullptr;
  bool byOrigin = opt.pickOrigin && c.phase == SETTLING;
  for (const Reply& a : c.replies)
    if (a.counted && (!m || (byOrigin ? a.origin > m->origin : a.stamp > m->stamp))) m = &a;
  return m;
}

// --------------------------------------------------------------------------------------------- one form for each state
static void canonical(State& s) {
  if (!opt.loss) // of the answers to a settle only the newest version decides; of a query without `split` likewise
    for (Coordinator& c : s.coordinators) {
      const Reply* newest = newestOf(c);
      if (!newest) continue;
      Reply m = *newest;
      if (c.phase == SETTLING && !opt.pickOrigin) { for (Reply& a : c.replies) if (a.counted) a = m; }
      if (c.phase == QUERYING && !opt.split) {
        u8 promised = 0;
        for (Reply& a : c.replies) promised = std::max(promised, a.promised);
        for (Reply& a : c.replies)
          if (a.counted) { a.promised = promised; if (a.stamp < m.stamp) a.stamp = a.origin = a.value = 0; }
      }
    }
  bool joining = false;
  for (Replica& r : s.replicas) if (r.joining) joining = true;
  if (!s.losses && !joining && opt.limit) { // requests that can change nothing any more, and that nobody waits for
    int k = 0;
    for (int i = 0; i < s.messageCount; i++) {
      Message m = s.messages[i];
      bool live = false;
      for (Coordinator& c : s.coordinators) live = live || awaits(c, m);
      for (Replica& r : s.replicas)
        live = live || (m.stamp > r.stamp && (m.kind == ORDER   ? m.stamp > r.promised
                                              : m.kind == STORE ? m.stamp >= r.promised
                                                                : true));
      if (live) s.messages[k++] = m;
    }
    memset(s.messages + k, 0, (s.messageCount - k) * sizeof(Message));
    s.messageCount = k;
  }
  u8 place[256] = {1}; // stamps without gaps
  eachStamp(s, [&](u8& x) { place[x] = 1; });
  int count = 0;
  for (int i = 0; i < 256; i++) {
    if (!place[i]) continue;
    if (opt.trace && i < LABELS) s.labels[count] = s.labels[i];
    place[i] = count++;
  }
  eachStamp(s, [&](u8& x) { x = place[x]; });
  if (count > LABELS - 2) outgrown("LABELS");
  std::sort(s.messages, s.messages + s.messageCount);
}
// A completed write, or one that counts as newer, is the newest in every majority. Updates: if there are no writes.
static bool completedIsNewest(const State& s) {
  bool onlyUpdates = opt.upd == (1 << NW) - 1;
  for (int w = 0; w < NW; w++) {
    if (s.coordinators[w].phase != DONE || (isUpdate(w) && !onlyUpdates)) continue;
    for (int set = 0; set < 1 << N; set++) {
      if (__builtin_popcount(set) != MAJORITY) continue;
      const Replica* newest = nullptr;
      bool joining = false;
      for (int r = 0; r < N; r++) {
        if (!(set >> r & 1)) continue;
        const Replica& replica = s.replicas[r];
        joining = joining || replica.joining;
        if (!newest || replica.stamp > newest->stamp) newest = &replica;
      }
      if (joining) continue;
      if (isUpdate(w) ? !holds(newest->value, w) : newest->origin < s.coordinators[w].first) return false;
    }
  }
  return true;
}
static void emit(State& s) {
  if (soloMode) {
    soloNext = s;
    soloHas = true;
    return;
  }
  if (violation) return;
  if (!opt.noP3 && !completedIsNewest(s)) return found(s, "P3: a completed write is not the newest in some majority");
  canonical(s);
  successors.push_back({s, opt.trace ? act : std::string()});
}
