//! The model knows neither Kubernetes nor the runtime.

use std::path::Path;

#[test]
fn the_model_names_no_kubernetes_and_no_runtime() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/model");
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        for (number, line) in text.lines().enumerate() {
            let found = ["kube::", "k8s_openapi", "tokio"]
                .iter()
                .find(|name| line.contains(**name));
            assert_eq!(found, None, "{}:{}", path.display(), number + 1);
        }
        files += 1;
    }
    assert!(files > 5, "{files} files in the model");
}
