/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM cmdline

#if !defined(TRACE_EVENT_H) || defined(TRACE_HEADER_MULTI_READ)
#define TRACE_EVENT_H

#include <linux/tracepoint.h>

/* The name of a function that the patch replaces. */
TRACE_EVENT(cmdline_proc_show,
	TP_PROTO(size_t count),
	TP_ARGS(count),
	TP_STRUCT__entry(__field(size_t, count)),
	TP_fast_assign(__entry->count = count;),
	TP_printk("count=%zu", __entry->count)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH c
#define TRACE_INCLUDE_FILE trace_event
#include <trace/define_trace.h>
