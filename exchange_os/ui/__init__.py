"""What every page shares on the server: template tags, toasts, error pages and the style page."""
