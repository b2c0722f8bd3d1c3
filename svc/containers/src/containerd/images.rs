//! containerd's image records: a name for the digest of a manifest or an index. They keep content from
//! collection.

use containerd_client::services::v1::images_client::ImagesClient;
use containerd_client::services::v1::{CreateImageRequest, GetImageRequest, Image, UpdateImageRequest};
use containerd_client::types::Descriptor;

use super::{Containerd, Error, failed};

impl Containerd {
    /// What the name stands for, when it is known.
    pub async fn image(&self, name: &str) -> Result<Option<Descriptor>, Error> {
        let request = self.request(GetImageRequest { name: name.to_owned() });
        let answer = ImagesClient::new(self.channel.clone()).get(request).await;
        match answer.map_err(failed("look for image", name)) {
            Ok(answer) => Ok(answer.into_inner().image.and_then(|image| image.target)),
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes the name stand for `target`, whether or not it stood for something else before.
    pub async fn set_image(&self, name: &str, target: Descriptor) -> Result<(), Error> {
        let image = Image { name: name.to_owned(), target: Some(target), ..Image::default() };
        let mut images = ImagesClient::new(self.channel.clone());
        let request =
            self.request(CreateImageRequest { image: Some(image.clone()), ..CreateImageRequest::default() });
        match images.create(request).await.map_err(failed("record image", name)) {
            Err(error) if error.is_present() => {
                let request =
                    self.request(UpdateImageRequest { image: Some(image), ..UpdateImageRequest::default() });
                images.update(request).await.map(drop).map_err(failed("record image", name))
            }
            answer => answer.map(drop),
        }
    }
}
