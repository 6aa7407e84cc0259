"""What both forges run, read from their files without the generator, and held against the catalogue of gates.

What a job does beside its session's particulars has to be, word for word, what stands in `github.yml` and `gitlab.yml`
of this folder: written by hand, so that a template that was weakened is noticed.
"""
