// A convolution by whichever kernel it was made ready for. Needs conv.inl, dense.inl and point.inl.

static int convolution_items(const Job& job) { return job.dense.panel_count ? dense_items(job) : conv_items(job); }

static size_t convolution_scratch(const Job& job) {
    return job.dense.panel_count ? dense_scratch(job) : job.taps.direct ? point_scratch(job) : conv_scratch(job);
}

static void convolution_run(const Job& job, int item, float* scratch) {
    if (job.dense.panel_count) dense_run(job, item, scratch);
    else if (job.taps.direct) point_run(job, item, scratch);
    else conv_run(job, item, scratch);
}
