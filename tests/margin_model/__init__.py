"""A small, slow margin model with fractions: what the kernel's integers are measured against."""
