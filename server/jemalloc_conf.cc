// What jemalloc reads when it starts; MALLOC_CONF in the environment wins.
//
// As many arenas as processors, instead of four times as many: what comes and
// goes shares its pages with more of its kind. What is free goes back to the
// system after a second, by a thread of jemalloc's own, also from arenas that
// nobody uses at the time. See "Why memory grew under churn" in DESIGN.md.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf =
    "percpu_arena:percpu,background_thread:true,dirty_decay_ms:1000,"
    "muzzy_decay_ms:0";
}
