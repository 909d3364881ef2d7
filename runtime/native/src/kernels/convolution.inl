// A convolution by whichever kernel it was made ready for. Needs taps.inl, dense.inl, few_outputs.inl, folded_pair.inl and point.inl.

static const OpKernel& convolution_kernel(const Job& job) {
    static const OpKernel by_taps{conv_items, conv_run, conv_scratch}, direct{conv_items, point_run, point_scratch};
    static const OpKernel dense{dense_items, dense_run, dense_scratch}, few{few_items, few_run, few_scratch};
    static const OpKernel merged{few_items, merged_run, merged_scratch};
    if (job.merged.rows) return merged;
    if (job.few) return few;
    if (job.dense.panel_count) return dense;
    return job.taps.direct ? direct : by_taps;
}

static int convolution_items(const Job& job) { return convolution_kernel(job).items(job); }

static size_t convolution_scratch(const Job& job) { return convolution_kernel(job).scratch_floats(job); }

static void convolution_run(const Job& job, int item, float* scratch) { convolution_kernel(job).run(job, item, scratch); }
